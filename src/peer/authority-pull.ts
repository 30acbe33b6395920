import { messageOf } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import type { PeerAuthorityReply, PeerClient } from './client.ts'

type PeerAuthority = PeerAuthorityReply['authorities'][number]

export interface AuthorityPullPorts {
  clock: Clock
  /** Authorities that were learnt before this start: whether each was applied then is not known. */
  learnt: readonly PeerAuthority[]
  /** Takes an authority over; true when it was newer than ours (authority/ `learn`). */
  learn(authority: PeerAuthority): Promise<boolean>
  /** Brings a newer authority to this site's name server. Repeated until it does not throw. */
  apply(authority: PeerAuthority): Promise<void>
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** Asks a peer for the epochs that it knows, takes over higher ones, and applies them here. Ends with the signal. */
export async function pullAuthority(
  client: PeerClient,
  ports: AuthorityPullPorts,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  const unapplied = new Map(ports.learnt.map((authority) => [authority.system, authority]))
  let complained = false
  while (!signal.aborted) {
    try {
      const { authorities } = await client.authority(signal)
      complained = false
      for (const authority of authorities) {
        if (!(await ports.learn(authority))) continue
        unapplied.set(authority.system, authority)
        ports.log.info({ ...authority, peer: client.site }, 'a newer authority was learnt from the peer')
      }
    } catch (error) {
      // The monitor watches the peer; here one line when it falls silent is enough.
      if (!complained && !signal.aborted)
        ports.log.warn({ peer: client.site, why: messageOf(error) }, 'no authorities')
      complained = true
    }
    for (const authority of unapplied.values()) {
      await ports.apply(authority).then(
        () => unapplied.delete(authority.system),
        (error: unknown) =>
          ports.log.warn({ ...authority, why: messageOf(error) }, 'a newer authority is not applied yet'),
      )
    }
    await ports.clock.sleep(everyMs, signal).catch(() => undefined)
  }
}
