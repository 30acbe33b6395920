import { z } from 'zod'
import type { Path, YamlDocument } from './document.ts'
import type { Problem } from './problem.ts'

/** The parts of a zod issue that a reason is made of. */
interface Issue {
  readonly code?: string | undefined
  readonly path: PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
  readonly input?: unknown
  readonly errors?: readonly (readonly Issue[])[]
}

/**
 * The document's value as the schema reads it, or everything that is wrong with it: unknown fields with the name
 * that was likely meant, missing ones, wrong types. `rule` of the problems is `unknown-field` or `shape`.
 */
export function checkShape<T>(
  document: YamlDocument,
  schema: z.ZodType<T>,
): { value?: T; problems: Problem[] } {
  if (document.problems.length > 0) return { problems: [...document.problems] }
  const result = schema.safeParse(document.value, { reportInput: true })
  if (result.success) return { value: result.data, problems: [] }
  return {
    problems: result.error.issues.flatMap((issue) => problemsOf(issue as Issue, [], document, schema)),
  }
}

/** The value without the fields that the schema does not know, so that what is left can be read. */
export function withoutUnknownFields(value: unknown, schema: z.ZodType): unknown {
  const left = structuredClone(value)
  for (const issue of (schema.safeParse(value).error?.issues ?? []) as Issue[]) {
    const part = issue.path.reduce<unknown>(
      (inner, name) => (inner as { [name: PropertyKey]: unknown } | undefined)?.[name],
      left,
    )
    for (const key of issue.code === 'unrecognized_keys' ? (issue.keys ?? []) : [])
      Reflect.deleteProperty(part as object, key)
  }
  return left
}

/** The problems of one zod issue found in the part of a document that begins at `base` and has the shape `schema`. */
export function problemsOf(issue: Issue, base: Path, document: YamlDocument, schema: z.ZodType): Problem[] {
  const inner = issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
  const path = [...base, ...inner]
  if (issue.code === 'unrecognized_keys') {
    const known = fieldsAt(schema, inner)
    return (issue.keys ?? []).map((key) => ({
      file: document.file,
      ...document.at([...path, key], 'key'),
      path: pathText([...path, key]),
      rule: 'unknown-field',
      reason: `there is no field ${key} here`,
      remedy: remedyFor(key, known),
    }))
  }
  const missing = issue.code === 'invalid_type' && issue.input === undefined
  return [
    {
      file: document.file,
      ...document.at(path),
      path: pathText(path),
      rule: 'shape',
      reason: missing ? `the field ${String(path.at(-1))} is missing` : reasonOf(issue),
      remedy: missing ? 'Add it.' : 'Correct the value.',
    },
  ]
}

/** What zod says; for a union, what its alternatives say. */
function reasonOf(issue: Issue): string {
  if (issue.code !== 'invalid_union' || issue.errors === undefined) return issue.message
  return [...new Set(issue.errors.flat().map((inner) => inner.message))].join(', or ')
}

/** `steps[2].with.site` for a path. */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  )
}

/** The names that an object of the schema may have at a path; empty where that cannot be told. */
function fieldsAt(schema: z.ZodType, path: Path): string[] {
  const found = path.reduce<unknown>((inner, part) => {
    const plain = unwrapped(inner)
    if (plain instanceof z.ZodObject) return plain.shape[part] as unknown
    if (plain instanceof z.ZodArray) return plain.element
    if (plain instanceof z.ZodRecord) return plain.valueType
    return undefined
  }, schema)
  const plain = unwrapped(found)
  return plain instanceof z.ZodObject ? Object.keys(plain.shape) : []
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable
    ? unwrapped(schema.unwrap())
    : schema
}

/** The remedy for an unknown name: the one that was likely meant, or all that are known. */
export function remedyFor(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  if (near !== undefined) return `Did you mean ${near}?`
  return known.length === 0 ? 'Remove it.' : `Remove it; known here: ${known.join(', ')}.`
}

/** The known name within two edits, if there is one. */
function nearest(name: string, known: readonly string[]): string | undefined {
  return known
    .map((candidate) => ({ candidate, distance: editDistance(name.slice(0, 64), candidate.slice(0, 64)) }))
    .filter(({ distance }) => distance <= Math.min(2, Math.ceil(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance)[0]?.candidate
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, swap))
    }
    row = next
  }
  return row[b.length] ?? 0
}
