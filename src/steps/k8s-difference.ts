import { isDeepStrictEqual } from 'node:util'

/** What differs, by the path of each field (`spec.replicas`); null where there is none. */
export interface Difference {
  before: Record<string, unknown>
  after: Record<string, unknown>
}

/** Field by field where both sides have fields; lists are compared as a whole. */
export function differenceOf(before: unknown, after: unknown): Difference {
  const found: Difference = { before: {}, after: {} }
  collect(before, after, '', found)
  return found
}

export function isNone({ after }: Difference): boolean {
  return Object.keys(after).length === 0
}

function collect(before: unknown, after: unknown, path: string, into: Difference): void {
  if (isFields(before) && isFields(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)]))
      collect(before[name], after[name], path === '' ? name : `${path}.${name}`, into)
  } else if (!isDeepStrictEqual(before ?? null, after ?? null)) {
    into.before[path] = before ?? null
    into.after[path] = after ?? null
  }
}

export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
