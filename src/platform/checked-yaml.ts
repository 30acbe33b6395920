import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import { HaetaeError, messageOf, type ErrorCode } from '#model/errors.ts'
import { readYaml } from './yaml/document.ts'
import { inReadingOrder, problemLine } from './yaml/problem.ts'
import { checkShape } from './yaml/shape.ts'

/**
 * A YAML text checked against a schema. Throws HaetaeError of the given code with the place of every fault
 * (`file:line:column`): the first one in `where`, all of them in facts.
 */
export function checkedYaml<T>(file: string, text: string, schema: z.ZodType<T>, code: ErrorCode): T {
  const { value, problems } = checkShape(readYaml(text, file), schema)
  const [first, ...others] = inReadingOrder(problems)
  if (first === undefined) return value as T
  throw new HaetaeError(code, file, {
    where: `${first.file}:${first.line}:${first.column}`,
    why: [`${first.path === '' ? '' : `${first.path}: `}${first.reason}`, ...others.map(problemLine)].join(
      '; ',
    ),
    remedy: first.remedy,
    facts: { problems },
  })
}

/** The text of a file. Throws HaetaeError of the given code when it cannot be read. */
export async function textOf(file: string, code: ErrorCode): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new HaetaeError(code, file, { where: file, why: messageOf(cause), cause })
  }
}
