import { terminalNodeStates } from '#model/states.ts'
import { deadlineOf } from '../state/deadline.ts'
import type { RunHost } from './host.ts'
import { question } from './questions.ts'

const lookEveryMs = 60_000

/** Asks a person once a run's time is over. Nothing is stopped by it: what works goes on. Ends with the run. */
export async function watchDeadline(host: RunHost): Promise<void> {
  for (;;) {
    const { view } = host
    const deadline = deadlineOf(view)
    const left = Date.parse(deadline) - host.parts.clock.now()
    if (left <= 0 && view.question === null && view.state !== 'needs-person') {
      const open = [...view.nodes.values()].filter(({ state }) => !terminalNodeStates.has(state))
      const facts = { deadline, open: open.slice(0, 20).map(({ id, state }) => ({ node: id, state })) }
      host.note({ kind: 'run-asked', question: question('deadline', null, facts) })
    }
    await host.pause(left > 0 ? Math.min(left, lookEveryMs) : lookEveryMs)
  }
}
