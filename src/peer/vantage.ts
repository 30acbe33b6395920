import { NoAnswer } from '#platform/no-answer.ts'
import { messageOf } from '#model/errors.ts'
import type { Vantage } from '#monitor/vantage.ts'
import type { PeerClient, PeerStatusReply } from './client.ts'

/** The peer's daemon as a vantage point: asked each second. `heard` gets what it said. */
export function peerVantage(
  client: PeerClient,
  everyMs: number,
  heard: (status: PeerStatusReply) => void = () => undefined,
): Vantage {
  return {
    site: client.site,
    kind: 'peer',
    everyMs,
    async look(signal) {
      try {
        const status = await client.status(signal)
        heard(status)
        return { saw: 'answer', fault: false, why: status.ready ? 'it answers' : 'it answers, not ready' }
      } catch (error) {
        // Anything but silence was said by a living host.
        if (error instanceof NoAnswer) return { saw: 'silence', fault: false, why: messageOf(error) }
        return { saw: 'answer', fault: true, why: messageOf(error) }
      }
    },
  }
}
