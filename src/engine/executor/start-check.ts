import { bounded } from './bounded.ts'
import type { RunHost } from './host.ts'
import { failureOf } from './look.ts'
import { assumptionQuestion, question } from './questions.ts'
import { backoff } from './backoff.ts'

const proveWithinMs = 30_000
const tries = 5
const askedAgainMs = 60_000
const pause = { retryBaseMs: 1_000 }

/** Proves the plan's assumptions before the first step; a broken one is a question about the run as a whole. */
export async function checkStart(host: RunHost): Promise<void> {
  for (let failures = 0; host.view.startedAt === null;) {
    while (host.view.question !== null) await host.pause(askedAgainMs)
    await host.untilResumed()
    const { id: runId, plan } = host.view
    const proof = await bounded(host.parts.clock, proveWithinMs, host.signal, (signal) =>
      host.parts.assumptions.broken({ runId, plan, moment: 'start', node: null, again: false, signal }),
    )
    // The proof took time, and is made again after a pause.
    if (host.view.paused !== null) continue
    if (proof.kind === 'value' && proof.value.length === 0) {
      host.note({ kind: 'run-started' })
      return
    }
    const failure = proof.kind === 'value' ? undefined : failureOf(proof)
    failures = failure === undefined ? tries : failures + 1
    if (failures < tries) {
      await host.pause(backoff(pause, failures))
      continue
    }
    const asked =
      proof.kind === 'value'
        ? assumptionQuestion(proof.value, null)
        : question('assumption', null, { failure })
    host.note({ kind: 'run-asked', question: asked })
    failures = 0
  }
}
