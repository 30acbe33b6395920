import { z } from 'zod'
import type { AnyStepType, Effect, EffectCtx, ReadCtx, StepType } from '#runbook/step-type.ts'
import { ask } from './client.ts'
import type { ChangeRequest, Seen, When } from './server.ts'

/** What the steps of the chaos reach: the world outside, and whose process this is. */
export interface Outside {
  socket: string
  incarnation: string
}

type Read = ReadCtx<Outside>
type Act = EffectCtx<Outside, Outside>

const input = z.strictObject({ thing: z.string() })
const output = z.strictObject({ version: z.int() })
type Input = z.infer<typeof input>
type Output = z.infer<typeof output>

async function see(ctx: Read, { thing }: Input): Promise<Seen> {
  return (await ask(ctx.readers.socket, '/see', { thing: `${ctx.runId}/${thing}` }, ctx.signal)) as Seen
}

async function change(ctx: Act, { thing }: Input, when: When): Promise<Output> {
  const { socket, incarnation } = ctx.writers
  const about = { run: ctx.runId, thing: `${ctx.runId}/${thing}`, when, key: ctx.key, by: incarnation }
  const asked: ChangeRequest = { ...about, epoch: ctx.epoch ?? null }
  return (await ask(socket, '/change', asked, ctx.signal)) as Output
}

/** A kind of step that sets a thing once; `own` says where it differs. */
function outsideType(
  type: string,
  effect: Effect,
  own: Partial<StepType<Input, Seen, Output, Outside, Outside>>,
): AnyStepType {
  const made: StepType<Input, Seen, Output, Outside, Outside> = {
    type,
    version: 1,
    effect,
    needsAuthority: false,
    precondition: { kind: 'checked', by: 'the version that was seen' },
    inverse: { kind: 'none', why: 'nothing in this world is taken back' },
    requires: [],
    input,
    output,
    observe: see,
    judge: (_input, seen) => (seen.version > 0 ? 'holds' : 'absent'),
    plan: () => Promise.resolve([]),
    apply: (ctx, asked, seen) => change(ctx, asked, seen.version),
    adopt: (_input, seen) => ({ version: seen.version }),
    invert: () => 'none',
    ...own,
  }
  return made
}

/** Every kind of effect, by the names that the plans of the simulation use. */
export const outsideTypes: ReadonlyMap<string, AnyStepType> = new Map(
  [
    outsideType('sim.set', 'idempotent', {}),
    outsideType('sim.keyed', 'keyed', {
      precondition: { kind: 'checked', by: 'the key' },
      apply: (ctx, asked) => change(ctx, asked, 'once for its key'),
    }),
    outsideType('sim.promote', 'point-of-no-return', { needsAuthority: true }),
    outsideType('sim.unfenced', 'idempotent', {
      precondition: { kind: 'unfenced', why: 'it takes anything' },
      apply: (ctx, asked) => change(ctx, asked, 'always'),
    }),
    outsideType('sim.check', 'read', {
      judge: () => 'absent',
      apply: async (ctx, asked) => ({ version: (await see(ctx, asked)).version }),
    }),
  ].map((type) => [type.type, type]),
)
