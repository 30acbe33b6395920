import { NoAnswer } from '#platform/no-answer.ts'
import { messageOf } from '#model/errors.ts'
import type { Vantage } from '#monitor/vantage.ts'
import type { PeerClient } from './client.ts'

/**
 * The peer's daemon as a vantage point. A peer that stands on another catalogue than `ownCatalogue` (a digest) lives,
 * with a fault: the two sites would not do the same in a failover. A peer that does not tell is not judged.
 */
export function peerVantage(client: PeerClient, everyMs: number, ownCatalogue: string): Vantage {
  return {
    site: client.site,
    kind: 'peer',
    everyMs,
    async look(signal) {
      try {
        const status = await client.status(signal)
        if (status.catalogue !== undefined && status.catalogue !== ownCatalogue)
          return { saw: 'answer', fault: true, why: 'it stands on another catalogue than this site' }
        return { saw: 'answer', fault: false, why: status.ready ? 'it answers' : 'it answers, not ready' }
      } catch (error) {
        // Anything but silence was said by a living host.
        if (error instanceof NoAnswer) return { saw: 'silence', fault: false, why: messageOf(error) }
        return { saw: 'answer', fault: true, why: messageOf(error) }
      }
    },
  }
}
