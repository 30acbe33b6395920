import { PreconditionRefused } from '#runbook/step-type.ts'
import { replayInput, type ReplayInput } from './inputs.ts'
import { replayOutput, type ReplayOutput } from './outputs.ts'
import { addressOf, isBefore, lookAt, type ServerState } from './pg-look.ts'
import { nameOf } from './pg-pause.ts'
import type { Step } from './targets.ts'

const everyMs = 200

/** Waits until a standby has replayed everything up to a position. How long that may take is the step's deadline. */
export const pgWaitReplay: Step<ReplayInput, ServerState, ReplayOutput> = {
  type: 'pg.waitReplay',
  version: 1,
  effect: 'read',
  needsAuthority: false,
  precondition: { kind: 'unfenced', why: 'it changes nothing' },
  inverse: { kind: 'none', why: 'it changes nothing' },
  requires: [],
  input: replayInput,
  output: replayOutput,

  observe: (ctx, input) => lookAt(ctx, addressOf(input)),

  // A primary where a standby was expected: that it has the position says nothing about what it left out.
  judge: (input, state) => (!state.inRecovery ? 'unclear' : hasReplayed(input, state) ? 'holds' : 'absent'),

  plan: async () => [],

  async apply(ctx, input, state) {
    if (!hasReplayed(input, state))
      ctx.progress(`it has replayed ${state.replayedLsn ?? 'nothing'} and must reach ${input.lsn}`)
    for (let seen = state; !hasReplayed(input, seen); seen = await lookAt(ctx, addressOf(input))) {
      if (!seen.inRecovery) throw new PreconditionRefused(nameOf(addressOf(input)), 'it is a primary')
      await ctx.clock.sleep(everyMs, ctx.signal)
    }
    return outputOf(input)
  },

  adopt: outputOf,
  invert: () => 'none',
}

function hasReplayed(input: ReplayInput, { replayedLsn }: ServerState): boolean {
  return replayedLsn !== null && !isBefore(replayedLsn, input.lsn)
}

/** Where the standby is by now is not given: it differs from one moment to the next. */
function outputOf({ lsn }: ReplayInput): ReplayOutput {
  return { lsn }
}
