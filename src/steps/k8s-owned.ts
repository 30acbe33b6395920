import { isDeepStrictEqual } from 'node:util'
import { fieldManager } from '#platform/kubernetes/client.ts'
import type { KubeObject } from '#platform/kubernetes/types.ts'
import { isFields } from './k8s-difference.ts'

interface ManagedFields {
  manager?: string
  operation?: string
  subresource?: string
  fieldsV1?: Record<string, unknown>
}

/**
 * The part of an object that Haetae has applied and owns, as it is now: applied again it changes nothing. Undefined
 * when Haetae has applied nothing of it. It is told by the server's own record, `metadata.managedFields`.
 */
export function ownedOf(object: KubeObject): KubeObject | undefined {
  const { apiVersion, kind, metadata } = object
  const entries = (metadata['managedFields'] ?? []) as ManagedFields[]
  const own = entries.find(
    ({ manager, operation, subresource }) =>
      manager === fieldManager && operation === 'Apply' && (subresource ?? '') === '',
  )
  if (own === undefined) return undefined
  const owned = partOf(object, own.fieldsV1 ?? {}) as Partial<KubeObject>
  const { labels, annotations } = owned.metadata ?? {}
  return {
    ...owned,
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind }),
    metadata: {
      name: metadata.name,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  }
}

/** Who else has written more of an object than its status and its metadata, in the server's own record. */
export function othersOf({ metadata }: KubeObject): string[] {
  const entries = (metadata['managedFields'] ?? []) as ManagedFields[]
  const others = entries.filter(
    ({ manager, subresource, fieldsV1 = {} }) =>
      manager !== fieldManager &&
      subresource !== 'status' &&
      Object.keys(fieldsV1).some((field) => field !== 'f:metadata'),
  )
  return [...new Set(others.map(({ manager = '' }) => manager))].sort()
}

/** `f:` names a field, `k:` an item by its keys, `v:` one by its value; a field with nothing below is owned whole. */
function partOf(value: unknown, fields: Record<string, unknown>): unknown {
  const names = Object.keys(fields).filter((name) => name !== '.')
  if (names.length === 0) return value
  const below = (name: string) => fields[name] as Record<string, unknown>
  if (Array.isArray(value))
    return value.flatMap((item: unknown) => {
      const name = names.find((one) => isItem(item, one))
      return name === undefined ? [] : [partOf(item, below(name))]
    })
  if (!isFields(value)) return value
  const owned = names.map((name) => [name.slice(2), name] as const).filter(([field]) => field in value)
  return Object.fromEntries(owned.map(([field, name]) => [field, partOf(value[field], below(name))]))
}

function isItem(item: unknown, name: string): boolean {
  const given: unknown = JSON.parse(name.slice(2))
  if (name.startsWith('v:')) return isDeepStrictEqual(item, given)
  return (
    isFields(item) &&
    isFields(given) &&
    Object.entries(given).every(([key, value]) => isDeepStrictEqual(item[key], value))
  )
}
