import { messageOf } from '#model/errors.ts'
import type { Gate, PlanNode } from '#plan/plan.ts'
import { bounded } from './bounded.ts'
import type { RunHost } from './host.ts'
import { question } from './questions.ts'

const askEveryMs = 1_000
const askWithinMs = 10_000

/** Waits at a gate until enough distinct people have signed; the requester never counts. */
export async function passGate(host: RunHost, node: PlanNode, gate: Gate): Promise<void> {
  for (;;) {
    const view = host.go(node.id)
    const asked = await decisions(host, node, gate)
    host.go(node.id)
    if (asked !== undefined) {
      const [no] = asked.rejected
      if (no !== undefined) {
        host.note({
          kind: 'asked',
          node: node.id,
          question: question('rejected', view, { rejected: asked.rejected }),
        })
        return
      }
      const by = [...new Set(asked.granted)].filter((person) => person !== host.view.requester).toSorted()
      if (by.join('\n') !== view.approvedBy.join('\n')) {
        host.note({ kind: 'approvals-counted', node: node.id, by })
      }
      if (by.length >= gate.quorum) {
        host.note({ kind: 'succeeded', node: node.id, output: { by } })
        return
      }
      if (asked.glassBrokenBy !== undefined) {
        const { glassBrokenBy } = asked
        host.note({ kind: 'succeeded', node: node.id, output: { by, glassBrokenBy } })
        return
      }
    }
    await host.pause(askEveryMs)
  }
}

/** What people decided so far; undefined when that cannot be told now. */
async function decisions(host: RunHost, node: PlanNode, gate: Gate) {
  const { id, plan, requester } = host.view
  const answer = await bounded(host.parts.clock, askWithinMs, host.signal, () =>
    host.parts.approvals.at({ runId: id, planDigest: plan.digest, requester, node: node.id, gate }),
  )
  if (answer.kind === 'value') return answer.value
  const why = answer.kind === 'error' ? messageOf(answer.error) : answer.kind
  host.parts.log.warn({ run: id, node: node.id, why }, 'cannot tell who has approved; asking again')
  return undefined
}
