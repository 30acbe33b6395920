import { isFields } from './k8s-difference.ts'

/** The merge patch (RFC 7386) that takes another one back, from the object as it was before. */
export function undoOf(before: unknown, patch: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const had = isFields(before) ? before : {}
  return Object.fromEntries(
    Object.entries(patch).map(([name, change]) => {
      const old = had[name]
      return [name, isFields(change) && isFields(old) ? undoOf(old, change) : (old ?? null)]
    }),
  )
}
