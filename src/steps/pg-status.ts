import { statusInput, type StatusInput } from './inputs.ts'
import { statusOutput, type StatusOutput } from './outputs.ts'
import { addressOf, lookAt, type ServerState } from './pg-look.ts'
import type { Step } from './targets.ts'

/** Fixes the recovery point: that the standby is there and in recovery, and how far it has come. */
export const pgStatus: Step<StatusInput, ServerState, StatusOutput> = {
  type: 'pg.status',
  version: 1,
  effect: 'read',
  needsAuthority: false,
  precondition: { kind: 'unfenced', why: 'it changes nothing' },
  inverse: { kind: 'none', why: 'it changes nothing' },
  requires: [],
  input: statusInput,
  output: statusOutput,
  observe: (ctx, input) => lookAt(ctx, addressOf(input)),
  // A primary where a standby was expected: somebody promoted it, and a person must say what that means.
  judge: (_input, state) => (state.inRecovery ? 'holds' : 'unclear'),
  plan: async () => [],
  apply: async (ctx, input) => outputOf(await lookAt(ctx, addressOf(input))),
  adopt: (_input, state) => outputOf(state),
  foresee: (_input, state) => outputOf(state),
  invert: () => 'none',
}

function outputOf(state: ServerState): StatusOutput {
  const { inRecovery, receivedLsn, replayedLsn, lastHeartbeatAt } = state
  return { inRecovery, receivedLsn, replayedLsn, lastHeartbeatAt }
}
