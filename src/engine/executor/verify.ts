import { instant } from '#model/time.ts'
import { triesOf, type NodeView } from '../state/view.ts'
import type { Round } from './attempt.ts'
import { backoff } from './backoff.ts'
import type { RunHost } from './host.ts'
import { look, type Ready } from './look.ts'

/** After `apply` answered: looks until what the step brings about is seen to hold, for the time that the plan gives. */
export async function verify(
  host: RunHost,
  ready: Ready,
  applied: NonNullable<NodeView['applied']>,
): Promise<Round> {
  const { node } = ready
  const { withinMs, everyMs } = node.verify ?? { withinMs: 0, everyMs: 0 }
  const { clock, monotonic } = host.parts
  // From here on by a clock that nobody sets: one that is set back would let the verification go on for as long.
  const until = monotonic() + Math.min(withinMs, Date.parse(applied.at) + withinMs - clock.now())
  for (;;) {
    const seen = await look(host, ready)
    const view = host.go(node.id)
    if (seen.kind === 'holds') {
      host.note({ kind: 'succeeded', node: node.id, output: applied.output })
      return 'over'
    }
    if (monotonic() >= until) {
      const message =
        seen.kind === 'unseen'
          ? `could not be verified: ${seen.failure.message}`
          : `seen ${seen.kind} after apply`
      const tries = triesOf(view)
      host.note({
        kind: 'attempt-failed',
        node: node.id,
        attempt: view.attempts.length,
        failure: { kind: 'verify', message },
        retryAt: instant(clock.now() + backoff(node.limits, tries)),
      })
      return 'again'
    }
    await host.pause(Math.max(1, Math.min(everyMs, until - monotonic())))
    host.go(node.id)
  }
}
