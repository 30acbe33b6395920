import type { Authority } from '#authority/types.ts'
import { dnsReader, dnsWriter } from '#platform/dns/client.ts'
import type { DnsPrerequisite } from '#platform/dns/types.ts'
import { epochInTexts, textsWithEpoch } from '#steps/epoch-text.ts'
import type { Catalogue } from './catalogue.ts'
import type { Config } from './config.ts'

/**
 * Brings an authority that was learnt from a peer to this site's name server, unless that has it or a newer one.
 * Compared and changed in one update. Throws NoAnswer, Conflict, DnsRefused; repeating is safe.
 */
export function authorityApplier(config: Config, catalogue: Catalogue) {
  return async (authority: Pick<Authority, 'system' | 'site' | 'epoch'>): Promise<void> => {
    const traffic = catalogue.systems.get(authority.system)?.components?.traffic
    const address = traffic?.addresses[authority.site]
    if (config.dns === undefined || traffic === undefined || address === undefined) return
    const { server, port, zone, tsigKeyFile } = config.dns
    const options = { host: server, port, zone, tsigKeyFile }
    const signal = AbortSignal.timeout(5_000)
    const { name, ttlSeconds } = traffic
    const { texts } = await dnsReader(options).lookUp(name, signal)
    if (epochInTexts(texts) >= authority.epoch) return
    const asSeen: DnsPrerequisite =
      texts.length === 0
        ? { kind: 'absent', name, type: 'TXT' }
        : { kind: 'equals', name, type: 'TXT', values: texts }
    await dnsWriter(options).update(
      [asSeen],
      [
        { kind: 'set', name, type: 'A', ttlSeconds, values: [address] },
        { kind: 'set', name, type: 'TXT', ttlSeconds, values: textsWithEpoch(texts, authority.epoch) },
      ],
      signal,
    )
  }
}
