import { expect } from 'vitest'
import { readView } from '#engine/run-reader.ts'
import type { Decision } from '#engine/state/events.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import { violations } from './check.ts'
import { runId, simulate, type SimOptions, type Simulation } from './simulate.ts'
import { simType } from './types.ts'

/** Runs, answering each question (node id, or `run`) with the decisions given for it, in turn. */
export async function run(options: SimOptions, answers: Record<string, Decision[]> = {}) {
  const left = structuredClone(answers)
  let deciding = false
  const sim = await simulate({
    ...options,
    between: async (now) => {
      await options.between?.(now)
      if ((await now.store.run(runId))?.state !== 'needs-person') return
      const view = await readView(now.store, runId)
      const asked = [...view.nodes.values()].filter((each) => each.question !== null).map((each) => each.id)
      for (const id of view.question === null ? asked : ['run', ...asked]) {
        const decision = view.commands.size === 0 && !deciding ? left[id]?.shift() : undefined
        if (decision === undefined) continue
        deciding = true
        // Not waited for here: it takes time, and time moves only when this returns.
        const decided = now.engine.decide(
          runId,
          id === 'run' ? null : id,
          decision,
          'commander-1',
          'as discussed',
        )
        void decided.finally(() => (deciding = false))
      }
    },
  })
  expect(await violations(sim)).toEqual([])
  const view = await readView(sim.store, runId)
  return {
    sim,
    view,
    state: (id: string) => view.nodes.get(id)?.state,
    question: (id: string) => view.nodes.get(id)?.question,
  }
}

export const landed = (sim: Simulation) => sim.world.landed.map((change) => change.node)
export const kinds = async (sim: Simulation, id: string) =>
  (await sim.store.read(runId, 0, 1e6)).flatMap(({ event }) =>
    'node' in event && event.node === id ? [event.kind] : [],
  )

/** A type of its own for one test, under the name `own`. */
export function own(over: Parameters<typeof simType>[2], effect: AnyStepType['effect'] = 'idempotent') {
  return new Map([['own', simType('own', effect, over)]])
}
