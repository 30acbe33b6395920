import { z } from 'zod'
import { digestOf } from '#model/digest.ts'
import { HaetaeError } from '#model/errors.ts'
import type { KubeObject, ObjectVersion, ResourceRef } from '#platform/kubernetes/types.ts'
import { isDeepStrictEqual } from 'node:util'
import { PartlyDone, PreconditionRefused, type ChangedSince } from '#runbook/step-type.ts'
import type { Read } from './targets.ts'

/* What the step types of any Kubernetes object have in common. */

export const apiVersion = z.string().regex(/^([a-z0-9.-]+\/)?v[a-z0-9]+$/, 'such as v1 or apps/v1')
/** What a step is given stands in plans and in the journal, so a secret is no object of a step. */
export const kind = z
  .string()
  .regex(/^[A-Z][A-Za-z0-9]*$/, 'such as ConfigMap')
  .refine((name) => name !== 'Secret', "a Secret's content would stand in the plan; deploy it at the site")
export const labels = z.record(z.string(), z.string())

export interface ObjectName {
  apiVersion: string
  kind: string
  namespace?: string | undefined
  name: string
}

/** Throws HaetaeError `kind-unknown` when the cluster serves no such kind, or serves it elsewhere than was said. */
export async function refOf(
  ctx: Read,
  { apiVersion: version, kind: of, namespace, name }: ObjectName,
): Promise<ResourceRef> {
  const served = await ctx.readers.kubernetes.resource(version, of, ctx.signal)
  if (served === undefined) throw unknownKind(`${version} ${of}`, 'the cluster serves no such kind')
  if (served.namespaced !== (namespace !== undefined))
    throw unknownKind(
      `${version} ${of}`,
      served.namespaced ? 'it needs a namespace' : 'it is in no namespace',
    )
  return {
    apiVersion: version,
    resource: served.resource,
    name,
    ...(namespace === undefined ? {} : { namespace }),
  }
}

function unknownKind(what: string, why: string): HaetaeError {
  return new HaetaeError('kind-unknown', what, { why })
}

/**
 * The one name of an object, for people and for comparing: `CronJob/close-day in gpk`. Every step type that changes an
 * object calls it so, whatever it is given of it and in which version of the API; a plan tells by it what is changed twice.
 */
export function targetOf({ kind: of, namespace, name }: Omit<ObjectName, 'apiVersion'>): string {
  return `${of}/${name}${namespace === undefined ? '' : ` in ${namespace}`}`
}

export function missing(site: string, name: Omit<ObjectName, 'apiVersion'>): HaetaeError {
  return new HaetaeError('object-missing', targetOf(name), { facts: { site, ...name } })
}

/** An object as it was seen: which one, which version, and by `content` whether it says the same. */
export interface Seen extends ObjectVersion {
  content: string
}

export function seenOf(object: KubeObject): Seen {
  const { uid = '', resourceVersion = '' } = object.metadata
  return { uid, resourceVersion, content: digestOf(contentOf(object)) }
}

/** What people and programs want of an object, without what the server keeps of it. */
export function contentOf(object: KubeObject | undefined): Record<string, unknown> {
  if (object === undefined) return {}
  const { status: _, metadata, ...content } = object
  const { labels: named, annotations } = metadata
  return { ...content, metadata: { labels: named, annotations } }
}

/** What somebody changed of an object since it was left, by the fields that were written; another object is a change. */
export function changedSince<F extends { uid: string }>(
  target: string,
  left: F,
  found: F | null,
): ChangedSince[] {
  if (isDeepStrictEqual(left, found)) return []
  if (found !== null && found.uid !== left.uid) return [{ target, left, found }]
  return [{ target, left: withoutUid(left), found: found && withoutUid(found) }]
}

function withoutUid<F extends { uid: string }>({ uid: _, ...fields }: F): Omit<F, 'uid'> {
  return fields
}

/** Changes several objects one after another. Throws PartlyDone when it fails behind the first that was changed. */
export async function changeEach<T>(
  objects: readonly T[],
  change: (object: T) => Promise<unknown>,
): Promise<void> {
  for (const [index, object] of objects.entries()) {
    try {
      await change(object)
    } catch (error) {
      throw index === 0 ? error : new PartlyDone(error)
    }
  }
}

/**
 * Changes the object that was seen. Its resourceVersion moves with its status too, so when the server refuses, it is
 * looked at again: the same object with the same content is still what was decided about; anything else is refused.
 */
export async function changeSeen<S extends Seen, T>(
  seen: S,
  lookAgain: () => Promise<S | null>,
  change: (seen: S) => Promise<T>,
): Promise<T> {
  let now = seen
  for (let attempt = 1; ; attempt++) {
    try {
      return await change(now)
    } catch (error) {
      if (!(error instanceof PreconditionRefused) || attempt >= 10) throw error
      const again = await lookAgain()
      const moved = again?.resourceVersion !== now.resourceVersion
      if (again === null || !moved || again.uid !== now.uid || again.content !== now.content) throw error
      now = again
    }
  }
}
