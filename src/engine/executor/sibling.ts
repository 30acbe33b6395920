import { messageOf } from '#model/errors.ts'
import { terminalRunStates } from '#model/states.ts'
import type { PlanNode, WaitFor } from '#plan/plan.ts'
import { childRunId } from '../state/fleet.ts'
import { bounded } from './bounded.ts'
import type { RunHost } from './host.ts'
import { question } from './questions.ts'

const lookEveryMs = 500
const lookWithinMs = 10_000

/** Waits for a step in the run of another system of the same fleet; that it never comes is a question for a person. */
export async function passSibling(
  host: RunHost,
  node: PlanNode,
  { system, node: wanted }: Extract<WaitFor, { kind: 'sibling' }>,
): Promise<void> {
  const { parent } = host.view
  const run = childRunId(parent ?? '', system)
  for (;;) {
    host.go(node.id)
    const seen = await bounded(host.parts.clock, lookWithinMs, host.signal, () => look(host, run, wanted))
    const view = host.go(node.id)
    if (seen.kind === 'value' && seen.value === 'finished')
      return host.note({ kind: 'succeeded', node: node.id, output: null })
    if (seen.kind === 'value' && seen.value === 'never')
      return host.note({
        kind: 'asked',
        node: node.id,
        question: question('prerequisite', view, { run, node: wanted }),
      })
    if (seen.kind === 'error')
      host.parts.log.warn(
        { run, node: node.id, why: messageOf(seen.error) },
        'cannot look at the run; asking again',
      )
    await host.pause(lookEveryMs)
  }
}

/** `never`: the run has ended without it, or the system has none and its fleet has ended. */
async function look(host: RunHost, run: string, node: string): Promise<'finished' | 'open' | 'never'> {
  const { children } = host.parts
  const { parent } = host.view
  if (parent === null) return 'never'
  const row = (await children.of(parent)).get(run)
  if (row === undefined) return (await children.isEnded(parent)) ? 'never' : 'open'
  if (await children.isFinished(row, node)) return 'finished'
  return terminalRunStates.has(row.state) ? 'never' : 'open'
}
