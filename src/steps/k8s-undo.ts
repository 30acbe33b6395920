import { isDeepStrictEqual } from 'node:util'
import { isFields } from './k8s-difference.ts'

type Fields = Record<string, unknown>

/** What takes a merge patch back: another one, and what the object has at its fields until then. */
export interface PatchUndo {
  patch: Fields
  left: Fields
}

/** Of a merge patch (RFC 7386), by the object before and after it: only fields that it changed are put back. */
export function undoOf(before: unknown, after: unknown, patch: Readonly<Fields>): PatchUndo {
  const changed = Object.entries(patch).flatMap(([name, change]): [string, unknown, unknown][] => {
    const [old, made] = [fieldOf(before, name), fieldOf(after, name)]
    if (isDeepStrictEqual(old, made)) return []
    if (!isFields(change) || !isFields(old) || !isFields(made)) return [[name, old, made]]
    const below = undoOf(old, made, change)
    return Object.keys(below.patch).length === 0 ? [] : [[name, below.patch, below.left]]
  })
  return {
    patch: Object.fromEntries(changed.map(([name, old]) => [name, old])),
    left: Object.fromEntries(changed.map(([name, , made]) => [name, made])),
  }
}

/** What an object has at the fields of a merge patch; null where it has none. */
export function valuesAt(object: unknown, patch: Readonly<Fields>): Fields {
  return Object.fromEntries(
    Object.entries(patch).map(([name, change]) => {
      const value = fieldOf(object, name)
      return [name, isFields(change) && isFields(value) ? valuesAt(value, change) : value]
    }),
  )
}

function fieldOf(object: unknown, name: string): unknown {
  return (isFields(object) && Object.hasOwn(object, name) ? object[name] : undefined) ?? null
}
