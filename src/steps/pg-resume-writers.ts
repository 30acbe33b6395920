import type { ChangedSince } from '#runbook/step-type.ts'
import { refuseElsewhere } from './here.ts'
import { resumeInput, type ResumeInput } from './inputs.ts'
import { resumeOutput, type ResumeOutput } from './outputs.ts'
import { refuseOtherEpoch } from './pg-epoch.ts'
import { addressOf } from './pg-look.ts'
import { changePause, lookAtPause, nameOf, type Pause, type PauseState } from './pg-pause.ts'
import { refuseChanged } from './refuse-changed.ts'
import type { Step } from './targets.ts'

/** Lets writers write again, before the time of their pause is over. */
export const pgResumeWriters: Step<ResumeInput, PauseState, ResumeOutput> = {
  type: 'pg.resumeWriters',
  version: 2,
  effect: 'idempotent',
  needsAuthority: true,
  precondition: {
    kind: 'checked',
    by: "the version of the database's row haetae.pause, which every pause and resumption raises; the epoch in haetae_authority",
  },
  inverse: { kind: 'none', why: 'writers that may write again are paused by a decision, not by going back' },
  requires: ['source'],
  input: resumeInput,
  output: resumeOutput,

  observe: (ctx, input) => lookAtPause(ctx, addressOf(input)),

  judge(input, state) {
    if (!state.active) return 'holds'
    return changedOf(input, state).length > 0 ? 'unclear' : 'absent'
  },

  targets: (input) => [targetOf(input)],

  async plan(_ctx, input, state) {
    const target = targetOf(input)
    if (!state.active) return []
    return [{ certainty: 'exact', target, before: { paused: true }, after: { paused: false } }]
  },

  async apply(ctx, input, state) {
    refuseElsewhere(ctx.readers, input.site, `pg.resumeWriters of ${input.system}`)
    if (!state.active) return outputOf(state)
    refuseChanged(changedOf(input, state))
    refuseOtherEpoch(ctx.epoch, state.epoch, `pg.resumeWriters of ${input.system}`)
    const address = addressOf(input)
    return ctx.writers.database.write(address, ctx.signal, async (query) => {
      const values = [state.version, state.epoch]
      // A standby that is away must not hold up the writers.
      await query('SET synchronous_commit = local')
      return outputOf(await changePause(query, address, 'haetae.resume_writers($1, $2)', values))
    })
  },

  adopt: (_input, state) => outputOf(state),
  invert: () => 'none',
  changedSince: changedOf,
}

/** Another pause stands than the one that is to be ended. */
function changedOf(input: ResumeInput, { active, key, since, until }: PauseState): ChangedSince[] {
  if (input.left === undefined || !active || key === input.left.key) return []
  return [{ target: targetOf(input), left: input.left, found: { key, since, until } }]
}

function targetOf(input: ResumeInput): string {
  return `writers of ${input.system} on ${nameOf(addressOf(input))}`
}

/** How long writers waited: the pause that ended last, by the database's own clock. */
function outputOf({ since, until }: Pause): ResumeOutput {
  return { since, until }
}
