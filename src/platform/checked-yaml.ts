import { LineCounter, isMap, isNode, parseDocument, type Document } from 'yaml'
import type { z } from 'zod'
import { HaetaeError, type ErrorCode } from '#model/errors.ts'

/** One fault of a file: where (`file:line:column`) and why. */
interface Fault {
  where: string
  why: string
}

/**
 * A YAML text checked against a schema. Throws HaetaeError of the given code with the place of every fault
 * (`file:line:column`): the first one in `where`, all of them in `why` and in facts.
 */
export function checkedYaml<T extends z.ZodType>(
  file: string,
  text: string,
  schema: T,
  code: ErrorCode,
): z.output<T> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const placeAt = (offset: number | undefined): string => {
    const { line, col } = lines.linePos(offset ?? 0)
    return `${file}:${line}:${col}`
  }
  if (document.errors.length > 0) {
    throw faulty(
      file,
      code,
      document.errors.map((error) => ({ where: placeAt(error.pos[0]), why: error.message })),
    )
  }
  const checked = schema.safeParse(document.toJS())
  if (checked.success) return checked.data
  throw faulty(
    file,
    code,
    checked.error.issues.flatMap((issue) => faultsOf(issue, document, placeAt)),
  )
}

function faultsOf(
  issue: z.core.$ZodIssue,
  document: Document,
  placeAt: (offset: number | undefined) => string,
): Fault[] {
  const at = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  if (issue.code !== 'unrecognized_keys') {
    return [{ where: placeAt(offsetOf(document, issue.path)), why: `${at}${issue.message}` }]
  }
  return issue.keys.map((key) => ({
    where: placeAt(offsetOfKey(document, issue.path, key)),
    why: `${at}unknown field ${key}`,
  }))
}

/** Offset of the value at a path, or of the nearest one around it that exists. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return undefined
}

function offsetOfKey(document: Document, path: readonly PropertyKey[], key: string): number | undefined {
  const around = path.length === 0 ? document.contents : document.getIn(path, true)
  if (!isMap(around)) return offsetOf(document, path)
  const pair = around.items.find((item) => isNode(item.key) && String(item.key) === key)
  return pair && isNode(pair.key) ? pair.key.range?.[0] : offsetOf(document, path)
}

function faulty(file: string, code: ErrorCode, faults: Fault[]): HaetaeError {
  const why = faults.length === 1 ? faults[0]?.why : faults.map((f) => `${f.where} ${f.why}`).join('; ')
  return new HaetaeError(code, file, {
    where: faults[0]?.where ?? file,
    why: why ?? 'it is empty',
    facts: { faults },
  })
}
