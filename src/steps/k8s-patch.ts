import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { KubernetesWriter, ResourceRef } from '#platform/kubernetes/types.ts'
import type { ChangedSince } from '#runbook/step-type.ts'
import { refuseElsewhere } from './here.ts'
import { leftOf, site } from './inputs.ts'
import { differenceOf, isNone, type Difference } from './k8s-difference.ts'
import { refusalOf } from './k8s-dry-run.ts'
import {
  apiVersion,
  changedSince,
  changeSeen,
  contentOf,
  kind,
  missing,
  refOf,
  seenOf,
  targetOf,
  type Seen,
} from './k8s-object.ts'
import { undoOf, valuesAt, type PatchUndo } from './k8s-undo.ts'
import { refuseChanged } from './refuse-changed.ts'
import type { Read, Step } from './targets.ts'

const nullable = z.record(z.string(), z.string().nullable()).nullable()

export const patchInput = z.strictObject({
  site,
  apiVersion: apiVersion.meta({ description: 'of the object' }),
  kind: kind.meta({ description: 'of the object' }),
  namespace: z.string().min(1).optional().meta({ description: 'absent for an object of the whole cluster' }),
  name: z.string().min(1).meta({ description: 'of the object' }),
  patch: z
    .looseObject({
      metadata: z
        .strictObject({
          labels: nullable.optional().meta({ description: 'with their new values; null removes one' }),
          annotations: nullable.optional().meta({ description: 'with their new values; null removes one' }),
        })
        .optional()
        .meta({ description: 'only labels and annotations of it are patched' }),
    })
    .refine(
      (patch) => ['apiVersion', 'kind', 'status'].every((field) => !(field in patch)),
      'apiVersion, kind and status are not patched',
    )
    .meta({ description: 'JSON merge patch (RFC 7386): fields with their new values, null to remove one' }),
  left: z
    .strictObject({
      uid: z.string().meta({ description: 'of the object' }),
      fields: z.looseObject({}).meta({ description: 'with the values that they were given' }),
    })
    .optional()
    .meta({ description: leftOf }),
})

export const patchOutput = z.strictObject({ uid: z.string().meta({ description: 'of the object' }) })

export type PatchInput = z.infer<typeof patchInput>
export type PatchOutput = z.infer<typeof patchOutput>

interface Found extends Seen {
  /** What the fields of the patch are now. */
  fields: Record<string, unknown>
  undo: PatchUndo
}

export interface PatchState {
  found: Found | null
  /** What the server, asked by a dry run, would change. */
  change: Difference
  refused: string | null
}

/** These patches can only end what runs. Of any other nobody can tell. */
const stops = [{ spec: { replicas: 0 } }, { spec: { suspend: true } }]

/** Changes fields of an object that is there, whoever owns them. Only `replicas: 0` and `suspend: true` need no authority. */
export const k8sPatch: Step<PatchInput, PatchState, PatchOutput> = {
  type: 'k8s.patch',
  version: 2,
  effect: 'idempotent',
  needsAuthority: ({ patch }) => !stops.some((stop) => isDeepStrictEqual(patch, stop)),
  precondition: { kind: 'checked', by: 'resourceVersion, by the API server' },
  inverse: { kind: 'step', type: 'k8s.patch' },
  requires: [],
  input: patchInput,
  output: patchOutput,

  async observe(ctx, input) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.patch')
    return look(ctx, await refOf(ctx, input), input)
  },

  judge(input, state) {
    if (isAsWanted(state)) return 'holds'
    return changedOf(input, state).length > 0 ? 'unclear' : 'absent'
  },

  targets: (input) => [targetOf(input)],

  async plan(_ctx, input, { found, change, refused }) {
    const target = targetOf(input)
    if (found === null)
      return [
        {
          certainty: 'opaque',
          target,
          after: input.patch,
          why: { ko: '그런 오브젝트가 없음', en: 'there is none' },
        },
      ]
    if (refused !== null) return [{ certainty: 'exact', target, after: input.patch, refused }]
    return isNone(change) ? [] : [{ certainty: 'exact', target, ...change }]
  },

  async apply(ctx, input, state) {
    refuseElsewhere(ctx.readers, input.site, 'k8s.patch')
    if (isAsWanted(state)) return outputOf(state)
    refuseChanged(changedOf(input, state))
    if (state.found === null) throw missing(input.site, input)
    const ref = await refOf(ctx, input)
    const again = async () => (await look(ctx, ref, input)).found
    await changeSeen(state.found, again, (found) => send(ctx, ctx.writers.kubernetes, ref, input, found))
    return outputOf(state)
  },

  adopt: (_input, state) => outputOf(state),

  invert(input, { found }) {
    if (found === null || Object.keys(found.undo.patch).length === 0) return 'none'
    const { patch, left: fields } = found.undo
    return { type: 'k8s.patch', with: { ...input, patch, left: { uid: found.uid, fields } } }
  },

  changedSince: changedOf,
}

function changedOf(input: PatchInput, state: PatchState): ChangedSince[] {
  const { left } = input
  if (left === undefined || isAsWanted(state)) return []
  const now = state.found && { uid: state.found.uid, fields: state.found.fields }
  return changedSince(targetOf(input), left, now)
}

function isAsWanted({ found, change, refused }: PatchState): boolean {
  return found !== null && refused === null && isNone(change)
}

function outputOf({ found }: PatchState): PatchOutput {
  return { uid: found?.uid ?? '' }
}

async function look(ctx: Read, ref: ResourceRef, input: PatchInput): Promise<PatchState> {
  const { kubernetes } = ctx.readers
  const object = await kubernetes.get(ref, ctx.signal)
  if (object === undefined) return { found: null, change: { before: {}, after: {} }, refused: null }
  const seen = seenOf(object)
  let after = object
  const dryRun = send(ctx, kubernetes.dryRun, ref, input, seen).then((made) => {
    after = made
  })
  const refused = (await refusalOf(dryRun)) ?? null
  const { patch } = input
  return {
    found: { ...seen, fields: valuesAt(object, patch), undo: undoOf(object, after, patch) },
    change: differenceOf(contentOf(object), contentOf(after)),
    refused,
  }
}

function send(
  ctx: Read,
  kubernetes: KubernetesWriter,
  ref: ResourceRef,
  { patch }: PatchInput,
  { resourceVersion }: Seen,
) {
  return kubernetes.patch(ref, { ...patch, metadata: { ...patch.metadata, resourceVersion } }, ctx.signal)
}
