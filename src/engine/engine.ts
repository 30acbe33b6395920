import { HaetaeError } from '#model/errors.ts'
import { assertRunnable, nothingToDecide, systemsOf } from './accept.ts'
import type { Engine } from './engine-port.ts'
import { Keeper } from './executor/keeper.ts'
import type { EngineOptions } from './options.ts'
import { nodeUnknown } from './journal/refusals.ts'
import { createRunReader, readView } from './run-reader.ts'
import { refusal } from './state/refusal.ts'
import { isEnded } from './state/view.ts'

/** An engine; nothing runs before `start` or `resumeAll`. */
export function createEngine(options: EngineOptions): Engine {
  const keeper = new Keeper(options)
  const { journal } = options
  return {
    runs: createRunReader(journal, options.clock),

    async start({ id, plan, requester, reason }) {
      assertRunnable(plan, options.stepTypes)
      const preempted = await journal.create({ id, plan, requester, reason, systems: systemsOf(plan) })
      keeper.keep()
      for (const drill of preempted) keeper.letGo(drill, `run ${id} has taken its systems`)
      await keeper.take(id)
    },

    async resumeAll() {
      keeper.keep()
      await keeper.takeAll()
    },

    wake: (runId) => keeper.wake(runId),

    async ask(runId, verb, by) {
      const view = await readView(journal, runId)
      if (verb.verb === 'skip' && !view.nodes.has(verb.node)) throw nodeUnknown(runId, verb.node)
      const why = isEnded(view) ? undefined : refusal(view, verb, options.stepTypes)
      if (why !== undefined) throw new HaetaeError('verb-refused', `${verb.verb} of run ${runId}`, { why })
      await journal.command(runId, verb, by)
      await keeper.lookForCommands()
    },

    async decide(runId, node, decision, by, reason) {
      const view = await readView(journal, runId)
      if (node !== null && !view.nodes.has(node)) throw nodeUnknown(runId, node)
      const asked = node === null ? view.question : (view.nodes.get(node)?.question ?? null)
      if (!isEnded(view) && !asked?.choices.includes(decision)) {
        throw nothingToDecide(runId, node, decision, asked)
      }
      await journal.command(runId, { verb: 'decide', node, decision, reason }, by)
      await keeper.lookForCommands()
    },

    async takeOver(runId, by, reason) {
      const taken = await journal.takeOver(runId, by, reason)
      keeper.keep()
      for (const id of taken) keeper.letGo(id, `${by.join(' and ')} have taken it over`)
      await Promise.all(taken.map((id) => keeper.take(id)))
    },

    stop: (drainMs = 5_000) => keeper.stop(drainMs),
  }
}
