import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { fieldManager } from '#platform/kubernetes/client.ts'
import type { KubeObject, KubernetesWriter, ResourceRef } from '#platform/kubernetes/types.ts'
import type { ChangedSince } from '#runbook/step-type.ts'
import { refuseElsewhere } from './here.ts'
import { leftOf, site } from './inputs.ts'
import { differenceOf, isNone, type Difference } from './k8s-difference.ts'
import { refusalOf } from './k8s-dry-run.ts'
import {
  apiVersion,
  changeSeen,
  contentOf,
  kind,
  labels,
  refOf,
  seenOf,
  targetOf,
  type Seen,
} from './k8s-object.ts'
import { othersOf, ownedOf } from './k8s-owned.ts'
import { valuesAt } from './k8s-undo.ts'
import { refuseChanged } from './refuse-changed.ts'
import type { Read, Step } from './targets.ts'

export const applyInput = z.strictObject({
  site,
  namespace: z.string().min(1).optional().meta({ description: 'absent for an object of the whole cluster' }),
  object: z
    .looseObject({
      apiVersion: apiVersion.meta({ description: 'of the object' }),
      kind: kind.meta({ description: 'of the object' }),
      metadata: z
        .strictObject({
          name: z.string().min(1).meta({ description: 'of the object' }),
          labels: labels.optional().meta({ description: 'that it has' }),
          annotations: labels.optional().meta({ description: 'that it has' }),
        })
        .meta({ description: 'its name, labels and annotations' }),
    })
    .refine((object) => !('status' in object), 'status is what a cluster says, not what it is told')
    .meta({ description: 'the fields that the object has, and no others of it; no Secret' }),
  present: z
    .boolean()
    .default(true)
    .meta({ description: 'false: an object that Haetae has applied is removed' }),
  left: z
    .strictObject({
      owned: z
        .looseObject({})
        .nullable()
        .meta({ description: 'the fields that it had applied; null: it had removed the object' }),
    })
    .optional()
    .meta({ description: leftOf }),
})

export const applyOutput = z.strictObject({
  uid: z.string().nullable().meta({ description: 'of the object; null when it was removed' }),
})

export type ApplyInput = z.infer<typeof applyInput>
export type ApplyOutput = z.infer<typeof applyOutput>

interface Found extends Seen {
  /** What Haetae has applied of it before; null when it has not. */
  owned: KubeObject | null
  /** What the fields are now that the step that is taken back had left. */
  fields: Record<string, unknown>
  /** Who else has written more of it than its status and its labels. */
  others: string[]
}

export interface ApplyState {
  found: Found | null
  /** What the server, asked by a dry run, would change. */
  change: Difference
  /** What Haetae would have applied of it then. */
  leaves: KubeObject | null
  /** The step has changed it already, or may have. */
  tried: boolean
  /** What it says against it, such as a field that somebody else owns. */
  refused: string | null
}

/**
 * Sets the given fields of an object by server-side apply, under the field manager `haetae`, and makes the object if
 * there is none. A field that somebody else owns is refused, never taken over.
 */
export const k8sApply: Step<ApplyInput, ApplyState, ApplyOutput> = {
  type: 'k8s.apply',
  version: 2,
  effect: 'idempotent',
  needsAuthority: true,
  precondition: { kind: 'checked', by: 'UID, resourceVersion and the owners of fields, by the API server' },
  inverse: { kind: 'step', type: 'k8s.apply' },
  requires: [],
  input: applyInput,
  output: applyOutput,

  async observe(ctx, input) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.apply')
    return look(ctx, await refOf(ctx, nameOf(input)), input)
  },

  judge(input, state) {
    if (changedOf(input, state).length > 0) return 'unclear'
    if (isAsWanted(input, state)) return 'holds'
    return !input.present && state.found?.owned === null ? 'unclear' : 'absent'
  },

  targets: (input) => [targetOf(nameOf(input))],

  async plan(_ctx, input, state) {
    const target = targetOf(nameOf(input))
    if (isAsWanted(input, state)) return []
    const { found, change, refused } = state
    const said = refused === null ? {} : { refused }
    const exact = { certainty: 'exact' as const, target }
    if (!input.present) return [{ ...exact, before: found?.owned, after: null, ...said }]
    if (found === null) return [{ ...exact, before: null, after: input.object, ...said }]
    return [{ ...exact, ...change, ...said }]
  },

  async apply(ctx, input, state) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.apply')
    refuseChanged(changedOf(input, state))
    if (isAsWanted(input, state)) return outputOf(state)
    const ref = await refOf(ctx, nameOf(input))
    const change = (found: Found | null) => send(ctx, ctx.writers.kubernetes, ref, input, found)
    const again = async () => (await look(ctx, ref, input)).found
    const after = state.found === null ? await change(null) : await changeSeen(state.found, again, change)
    return { uid: after?.metadata.uid ?? null }
  },

  adopt: (_input, state) => outputOf(state),

  invert(input, { found, leaves }) {
    const left = { owned: leaves }
    if (found === null) return { type: 'k8s.apply', with: { ...input, present: false, left } }
    const { apiVersion: version, kind: of, metadata } = input.object
    const nothing = { apiVersion: version, kind: of, metadata: { name: metadata.name } }
    return { type: 'k8s.apply', with: { ...input, present: true, object: found.owned ?? nothing, left } }
  },

  changedSince: changedOf,
}

/**
 * What Haetae has applied is no longer what the step had left: who changes a field owns it from then on. What somebody
 * put beside it into an object that the step made would go with it.
 */
function changedOf(input: ApplyInput, { found, tried }: ApplyState): ChangedSince[] {
  const isOver = input.present ? tried : found === null
  if (input.left === undefined || isOver) return []
  const { owned } = input.left
  const others = input.present ? [] : (found?.others ?? [])
  const there = owned === null ? found === null : isDeepStrictEqual(owned, found?.owned ?? null)
  if (there && others.length === 0) return []
  const { before, after } = differenceOf(owned ?? {}, found?.fields ?? {})
  const left = owned === null ? null : { ...before, writtenBy: [fieldManager] }
  const now = found === null ? null : { ...after, writtenBy: found.others }
  return [{ target: targetOf(nameOf(input)), left, found: now }]
}

function isAsWanted({ present }: ApplyInput, { found, change, refused }: ApplyState): boolean {
  return present ? found !== null && refused === null && isNone(change) : found === null
}

/** Of a state that is as wanted. */
function outputOf({ found }: ApplyState): ApplyOutput {
  return { uid: found?.uid ?? null }
}

function nameOf({ namespace, object }: ApplyInput) {
  return { apiVersion: object.apiVersion, kind: object.kind, namespace, name: object.metadata.name }
}

async function look(ctx: Read, ref: ResourceRef, input: ApplyInput): Promise<ApplyState> {
  const { kubernetes } = ctx.readers
  const object = await kubernetes.get(ref, ctx.signal)
  const fields = valuesAt(object, input.left?.owned ?? {})
  const found =
    object === undefined
      ? null
      : { ...seenOf(object), owned: ownedOf(object) ?? null, others: othersOf(object), fields }
  let after = object
  const dryRun = async () => {
    if (input.present || found !== null) after = await send(ctx, kubernetes.dryRun, ref, input, found)
  }
  const refused = (await refusalOf(dryRun())) ?? null
  return {
    found,
    change: differenceOf(contentOf(object), contentOf(after)),
    leaves: (after && ownedOf(after)) ?? null,
    tried: ctx.lastTry !== 'none',
    refused,
  }
}

/** The object as it is afterwards; undefined when it was removed. Under the version that was seen, where one was. */
async function send(
  ctx: Read,
  kubernetes: KubernetesWriter,
  ref: ResourceRef,
  { object, present }: ApplyInput,
  found: Seen | null,
): Promise<KubeObject | undefined> {
  const seen = found === null ? undefined : { uid: found.uid, resourceVersion: found.resourceVersion }
  if (!present) {
    await kubernetes.remove(ref, ctx.signal, seen)
    return undefined
  }
  const namespace = ref.namespace === undefined ? {} : { namespace: ref.namespace }
  const metadata = { ...object.metadata, ...namespace, ...seen } as KubeObject['metadata']
  return kubernetes.apply(ref, { ...object, metadata }, ctx.signal)
}
