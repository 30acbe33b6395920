import { readMark, writeMark, type Marked } from '#authority/marker.ts'
import type { Authority } from '#authority/types.ts'
import { inRunbookWords } from './answering.ts'
import { epochInTexts } from './epoch-text.ts'
import { refuseElsewhere } from './here.ts'
import { acquireInput, type AcquireInput } from './inputs.ts'
import { acquireOutput, type AcquireOutput } from './outputs.ts'
import type { Step } from './targets.ts'

export interface AcquireState {
  /** The newest on record here. */
  current: Authority | null
  /** What this run took already. */
  taken: Authority | null
  /** What the site's cluster says. */
  marked: Marked | null
  /** What the name server says; 0 when it says nothing. */
  namedEpoch: number
}

/** Takes the next epoch for the run, and writes it where it can be checked without Haetae. */
export const authorityAcquire: Step<AcquireInput, AcquireState, AcquireOutput> = {
  type: 'authority.acquire',
  version: 1,
  effect: 'idempotent',
  needsAuthority: false,
  safeguard: true,
  precondition: {
    kind: 'checked',
    by: 'one epoch a run and a fence on record, in one transaction; resourceVersion of configmap haetae/authority',
  },
  inverse: {
    kind: 'none',
    why: 'giving authority back is a new acquisition by the other site, with a fence of its own',
  },
  requires: [],
  input: acquireInput,
  output: acquireOutput,

  async observe(ctx, input) {
    refuseElsewhere(ctx.readers, input.site, `authority.acquire of ${input.system}`)
    const { authority, kubernetes, dns } = ctx.readers
    const [current, taken, marked, answer] = await Promise.all([
      authority.current(input.system),
      ctx.runId === undefined ? undefined : authority.takenBy(ctx.runId, input.system),
      readMark(kubernetes, input.system, ctx.signal),
      dns.lookUp(input.name, ctx.signal),
    ])
    return {
      current: current ?? null,
      taken: taken ?? null,
      marked: marked ?? null,
      namedEpoch: epochInTexts(answer.texts),
    }
  },

  judge(_input, { taken, current, marked, namedEpoch }) {
    if (taken === null) return 'absent'
    // Somebody took a newer epoch after this run did: who is primary now is not for this run to say.
    if ((current?.epoch ?? 0) > taken.epoch || (marked?.epoch ?? 0) > taken.epoch) return 'unclear'
    if (namedEpoch > taken.epoch) return 'unclear'
    if (marked?.epoch !== taken.epoch) return 'absent'
    return marked.site === taken.site ? 'holds' : 'unclear'
  },

  async plan(_ctx, input, state) {
    const epoch = highest(state) + 1
    const before = state.current === null ? null : { epoch: state.current.epoch, site: state.current.site }
    const after = { epoch, site: input.site }
    const why = { ko: '그때까지 다른 세대가 생기지 않으면', en: 'unless another epoch is taken before' }
    const mark = `ConfigMap/authority in haetae, ${input.system}`
    return [
      { certainty: 'predicted', target: `authority of ${input.system}`, before, after, why },
      { certainty: 'predicted', target: mark, before: state.marked, after, why },
    ]
  },

  async apply(ctx, input, state) {
    const { system, site } = input
    const request = { runId: ctx.runId, system, site, seenEpoch: highest(state) }
    const taken = await ctx.writers.authority.acquire(request)
    const cluster = { reader: ctx.readers.kubernetes, writer: ctx.writers.kubernetes }
    await inRunbookWords(writeMark(cluster, system, { epoch: taken.epoch, site: taken.site }, ctx.signal))
    return { epoch: taken.epoch, site: taken.site }
  },

  adopt(_input, state) {
    if (state.taken === null) throw new Error('no epoch is there to adopt')
    return { epoch: state.taken.epoch, site: state.taken.site }
  },

  foresee: (input, state) => ({ epoch: highest(state) + 1, site: input.site }),

  invert: () => 'none',
}

function highest(state: AcquireState): number {
  return Math.max(state.current?.epoch ?? 0, state.marked?.epoch ?? 0, state.namedEpoch)
}
