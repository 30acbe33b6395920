import type { PlanNode, WaitFor } from '#plan/plan.ts'
import { isDone } from '../state/view.ts'
import { waitEndsAt } from '../state/why.ts'
import { passOwnRun } from './child.ts'
import type { RunHost } from './host.ts'
import { question } from './questions.ts'
import { passSibling } from './sibling.ts'

/** Brings a node to its end that waits for a person, for time, or for how other nodes ended. Throws Stopped. */
export async function passWait(host: RunHost, node: PlanNode, waitFor: WaitFor): Promise<void> {
  switch (waitFor.kind) {
    case 'person':
      return askPerson(host, node, waitFor)
    case 'time':
      return passTime(host, node, waitFor.ms)
    case 'steps':
    case 'fleet':
      return join(host, node, waitFor.maxFailures)
    case 'run':
      return passOwnRun(host, node, waitFor)
    case 'sibling':
      return passSibling(host, node, waitFor)
  }
}

/** The answer `holds` is the person's word that it is done. */
function askPerson(
  host: RunHost,
  node: PlanNode,
  { role, instructions }: Extract<WaitFor, { kind: 'person' }>,
): void {
  const asked = question('manual', host.go(node.id), { role, instructions })
  host.note({ kind: 'asked', node: node.id, question: { ...asked, text: instructions.en } })
}

/** Counts from what the journal says, so that a restart does not begin anew; never longer, if the clock is set back. */
async function passTime(host: RunHost, node: PlanNode, ms: number): Promise<void> {
  const { clock, monotonic } = host.parts
  const end = monotonic() + Math.min(ms, waitEndsAt(host.view, node, ms) - clock.now())
  while (monotonic() < end) {
    host.go(node.id)
    await host.pause(end - monotonic())
  }
  host.go(node.id)
  host.note({ kind: 'succeeded', node: node.id, output: null })
}

/** Passes when few enough of the nodes before it failed. */
function join(host: RunHost, node: PlanNode, maxFailures: number): void {
  host.go(node.id)
  const failed = (node.after ?? []).filter(
    (id) => host.planNode(id).finally !== true && !isDone(host.view.nodes.get(id)?.state ?? 'waiting'),
  )
  if (failed.length <= maxFailures) {
    host.note({ kind: 'succeeded', node: node.id, output: { failed } })
    return
  }
  host.note({
    kind: 'node-canceled',
    node: node.id,
    left: 'untouched',
    why: `${failed.length} failed, and ${maxFailures} may: ${failed.join(', ')}`,
  })
}

/** Ends a node that runs at the end when nothing before it was begun: then there is nothing to end. */
export function nothingBegan(host: RunHost, node: PlanNode): boolean {
  const began = (node.after ?? []).some((id) => {
    const { gate, waitFor } = host.planNode(id)
    const seen = host.view.nodes.get(id)
    if (seen === undefined || gate !== null || waitFor !== undefined) return false
    return seen.attempts.length > 0 || isDone(seen.state)
  })
  if (began) return false
  host.go(node.id)
  host.note({
    kind: 'node-canceled',
    node: node.id,
    left: 'untouched',
    why: 'nothing before it was begun',
  })
  return true
}
