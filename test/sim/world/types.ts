import { z } from 'zod'
import {
  PreconditionRefused,
  Unreachable,
  type AnyStepType,
  type Effect,
  type EffectCtx,
  type ReadCtx,
  type StepType,
} from '#runbook/step-type.ts'
import type { SimProcess } from './process.ts'
import { Refused, type Fault, type Seen, type When, type World } from './world.ts'

export interface SimReaders {
  world: World
  process: SimProcess
}

type Read = ReadCtx<SimReaders>
type Act = EffectCtx<SimReaders, SimReaders>

const input = z.strictObject({ thing: z.string(), from: z.unknown().optional() })
const output = z.strictObject({ version: z.int() })
type Input = z.infer<typeof input>
type Output = z.infer<typeof output>

const lateMs = 30_000

async function observe(ctx: Read, { thing }: Input): Promise<Seen> {
  const { world, process } = ctx.readers
  await world.clock.sleep(1)
  await process.running()
  const fault = world.fault(0.15)
  if (fault === 'hangs') await new Promise<never>(() => {})
  if (fault === 'says no') throw new Error('500')
  if (fault !== undefined) throw new Unreachable(thing, new Error(fault))
  return world.see(thing)
}

/** What a step type of a test's own does to the world: a change that nothing goes wrong with on its way. */
export function change(
  { key, nodeId: node, readers: { world, process } }: Act,
  thing: string,
  when: When,
  { epoch = null, off = false }: { epoch?: number | null; off?: boolean } = {},
): void {
  world.change(thing, when, { key, node, by: process, epoch, late: false, off })
}

/** Sends a request that changes the world: it may find the process gone before or after, and faults in between. */
async function send(ctx: Act, thing: string, when: When, off = false): Promise<void> {
  const { world, process } = ctx.readers
  const changeIt = (late: boolean) => {
    const epoch = ctx.epoch ?? null
    world.change(thing, when, { key: ctx.key, node: ctx.nodeId, by: process, epoch, late, off })
  }
  world.onAsked(ctx.nodeId, process)
  await process.point(`effect ${ctx.nodeId}: before`)
  const fault = world.fault(0.3)
  if (fault === 'late') {
    world.onTheWay += 1
    void world.clock.sleep(lateMs).then(() => {
      world.onTheWay -= 1
      // A late request that the target refuses changes nothing.
      try {
        changeIt(true)
      } catch {
        return
      }
    })
  }
  if (fault === 'hangs') await new Promise<never>(() => {})
  if (fault === 'lost before' || fault === 'late') throw new Unreachable(thing, new Error(fault))
  if (fault === 'says no') throw new Error('500')
  land(thing, () => changeIt(false))
  await process.point(`effect ${ctx.nodeId}: after`)
  await world.clock.sleep(1)
  await process.running()
  throwIf(fault, thing)
}

function throwIf(fault: Fault | undefined, thing: string): void {
  if (fault === 'lost after') throw new Unreachable(thing, new Error(fault))
}

function land(thing: string, change: () => void): void {
  try {
    change()
  } catch (error) {
    if (error instanceof Refused) throw new PreconditionRefused(thing, error.message)
    throw error
  }
}

/** A kind of step over the world: `own` says where it differs from one that sets a thing once. */
export function simType(
  type: string,
  effect: Effect,
  own: Partial<StepType<Input, Seen, Output, SimReaders, SimReaders>>,
): AnyStepType {
  const made: StepType<Input, Seen, Output, SimReaders, SimReaders> = {
    type,
    version: 1,
    effect,
    needsAuthority: false,
    precondition: { kind: 'checked', by: 'the version that was seen' },
    inverse: { kind: 'none', why: 'nothing in this world is taken back' },
    requires: [],
    input,
    output,
    observe,
    judge: (_input, seen) => (seen.on === true ? 'holds' : 'absent'),
    plan: () => Promise.resolve([]),
    apply: async (ctx, { thing }, seen) => {
      await send(ctx, thing, effect === 'keyed' ? 'once for its key' : seen.version)
      return { version: 1 }
    },
    adopt: (_input, seen) => ({ version: seen.version }),
    invert: () => 'none',
    ...own,
  }
  return made
}

/** Somebody changed the thing since the step had left it at version `from`. */
function changedSince({ thing, from }: Input, { version, on }: Seen) {
  if (typeof from !== 'number' || version === from || on !== true) return []
  return [{ target: thing, left: from, found: version }]
}

/** The kinds of effect that there are, over the world of the simulation. */
export const simTypes: ReadonlyMap<string, AnyStepType> = new Map(
  [
    simType('sim.set', 'idempotent', {
      invert: ({ thing }, { version }) => ({ type: 'sim.clear', with: { thing, from: version + 1 } }),
    }),
    simType('sim.clear', 'idempotent', {
      judge(input, seen) {
        if (seen.on !== true) return 'holds'
        return changedSince(input, seen).length > 0 ? 'unclear' : 'absent'
      },
      changedSince,
      apply: async (ctx, { thing }, seen) => {
        await send(ctx, thing, seen.version, true)
        return { version: seen.version }
      },
    }),
    simType('sim.acquire', 'idempotent', {
      safeguard: true,
      invert: ({ thing }) => ({ type: 'sim.clear', with: { thing } }),
    }),
    simType('sim.keyed', 'keyed', { precondition: { kind: 'checked', by: 'the key' } }),
    simType('sim.promote', 'point-of-no-return', { needsAuthority: true }),
    simType('sim.unfenced', 'idempotent', {
      precondition: { kind: 'unfenced', why: 'it takes anything' },
      apply: async (ctx, { thing }) => {
        await send(ctx, thing, 'always')
        return { version: 1 }
      },
    }),
    simType('sim.check', 'read', {
      judge: () => 'absent',
      apply: async (ctx, { thing }) => {
        await ctx.readers.world.clock.sleep(1)
        await ctx.readers.process.running()
        return { version: ctx.readers.world.see(thing).version }
      },
    }),
  ].map((type) => [type.type, type]),
)
