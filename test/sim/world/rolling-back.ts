import type { Command } from '#engine/state/events.ts'
import { landed } from './answering.ts'
import { gate, node, planOf } from './plans.ts'
import { runId, type Simulation } from './simulate.ts'

export const seconds = { verify: { withinMs: 2_000, everyMs: 100 } }
const roll = { verb: 'rollback', reason: 'the wrong site' } satisfies Command

/** Asks for a roll back once `when` holds. */
export function rolling(when: (sim: Simulation) => boolean) {
  let asked = false
  return async (sim: Simulation) => {
    if (asked || !when(sim) || (await sim.store.run(runId)) === undefined) return
    asked = true
    await sim.store.command(runId, roll, 'commander-1').catch(() => {})
  }
}

/** Three steps in a row that can be taken back, one beside them, one that cannot, and one at the end. */
export function reversible() {
  return planOf([
    gate('approve'),
    node('A/one', 'sim.set', ['approve'], seconds),
    node('A/two', 'sim.set', ['A/one']),
    node('A/beside', 'sim.keyed', ['A/one']),
    node('A/three', 'sim.set', ['A/two', 'A/beside'], seconds),
    node('A/rest', 'wait', ['A/three'], { waitFor: { kind: 'time', ms: 200 } }),
    node('A/clean', 'sim.set', [], { after: ['A/three', 'A/rest'], finally: true }),
  ])
}

/** The nodes that took something back, in the order in which they did. */
export const undone = (sim: Simulation) => landed(sim).filter((id) => id.endsWith('~undo'))
