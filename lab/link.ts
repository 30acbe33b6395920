import { addressesOf } from './addresses.ts'
import { run } from './command.ts'
import { SITES, type Instance } from './instance.ts'
import { inNetwork, ip, proveOnlyRoute, raiseLink, requireNetworks } from './network.ts'

/*
 * Faults of the link between the sites. They are made at the carrier's equipment, outside both sites: neither
 * site's own network changes, packets just do not arrive.
 */

const TABLE = 'inet faults'

/**
 * Takes the link down: no packet passes between the sites from now on. Citizens still reach both.
 *
 * @throws HaetaeError `lab-not-up`; `lab-command-failed` when packets could take another way (a default route, citizens that
 *   forward).
 */
export async function partition(instance: Instance): Promise<void> {
  requireNetworks(instance)
  await proveOnlyRoute(instance)
  await ip(
    instance,
    'carrier',
    SITES.map((site) => `link set dev ${site} down`),
  )
}

/** Brings the link up again. Limits and drops stay until they are cleared. */
export async function heal(instance: Instance): Promise<void> {
  for (const site of SITES) await raiseLink(instance, site)
}

/** Whether the link is up at both ends. */
export async function linkIsUp(instance: Instance): Promise<boolean> {
  const links = JSON.parse(await run([...inNetwork(instance, 'carrier'), 'ip', '-json', 'link', 'show'])) as {
    ifname: string
    flags: string[]
  }[]
  return SITES.every((site) => links.some((link) => link.ifname === site && link.flags.includes('UP')))
}

/** Limits what passes in each direction, in kbit/s; more waits up to 400 ms and is then dropped. */
export async function limitLink(instance: Instance, kbitPerSecond: number): Promise<void> {
  for (const site of SITES) {
    // tbf needs a bucket that holds what passes in one timer tick, and one whole packet.
    const burst = `${Math.max(3000, Math.ceil(kbitPerSecond / 2))}`
    const shape = ['tbf', 'rate', `${kbitPerSecond}kbit`, 'burst', burst, 'latency', '400ms']
    await run([...inNetwork(instance, 'carrier'), 'tc', 'qdisc', 'replace', 'dev', site, 'root', ...shape])
  }
}

/** What a fault of the link does to which packets. Both directions; an address and port mean that service. */
export type LinkFault =
  | { kind: 'drop'; share?: number }
  /** Packets of more than this many bytes vanish, as behind a broken path MTU discovery. */
  | { kind: 'drop-large'; bytes: number }
  | { kind: 'drop-service'; address: string; port: number }
  /** More than this many kbyte/s of one service is dropped: its replication lags behind. */
  | { kind: 'limit-service'; address: string; port: number; kbytePerSecond: number }

/** Adds a fault to those that are there. */
export async function addLinkFault(instance: Instance, fault: LinkFault): Promise<void> {
  const rules = rulesOf(fault).map((rule) => `add rule ${TABLE} pass ${rule}`)
  const chain = `add table ${TABLE}\nadd chain ${TABLE} pass { type filter hook forward priority 0; }`
  await nft(instance, [chain, ...rules])
}

function rulesOf(fault: LinkFault): string[] {
  switch (fault.kind) {
    case 'drop': {
      const share = Math.round((fault.share ?? 1) * 1000)
      return [share >= 1000 ? 'counter drop' : `numgen random mod 1000 < ${share} counter drop`]
    }
    case 'drop-large':
      return [`meta length > ${fault.bytes} counter drop`]
    case 'drop-service':
      return service(fault).map((match) => `${match} counter drop`)
    case 'limit-service':
      return service(fault).map(
        (match) => `${match} limit rate over ${fault.kbytePerSecond} kbytes/second counter drop`,
      )
  }
}

function service({ address, port }: { address: string; port: number }): string[] {
  return [`ip daddr ${address} tcp dport ${port}`, `ip saddr ${address} tcp sport ${port}`]
}

/** Takes away every limit and drop; the link itself stays up or down as it is. */
export async function clearLinkFaults(instance: Instance): Promise<void> {
  requireNetworks(instance)
  await nft(instance, [`add table ${TABLE}`, `delete table ${TABLE}`])
  for (const site of SITES) {
    // Removing what is not there is an error of tc; replacing it first is not.
    await run([...inNetwork(instance, 'carrier'), 'tc', 'qdisc', 'replace', 'dev', site, 'root', 'pfifo'])
    await run([...inNetwork(instance, 'carrier'), 'tc', 'qdisc', 'del', 'dev', site, 'root'])
  }
}

async function nft(instance: Instance, lines: readonly string[]): Promise<void> {
  await run([...inNetwork(instance, 'carrier'), 'nft', '-f', '-'], { input: `${lines.join('\n')}\n` })
}

/** Packets that the carrier passed on from site to site since the lab came up, both directions together. */
export async function packetsPassed(instance: Instance): Promise<number> {
  const text = await run([
    ...inNetwork(instance, 'carrier'),
    'nft',
    '-j',
    'list',
    'counters',
    'table',
    'inet',
    'watch',
  ])
  const listed = JSON.parse(text) as { nftables: { counter?: { packets: number } }[] }
  return listed.nftables.reduce((sum, { counter }) => sum + (counter?.packets ?? 0), 0)
}

/** Counts at the last moment before a packet leaves the carrier: what a fault dropped is not counted. */
export async function countPackets(instance: Instance): Promise<void> {
  const [daejeon, gwangju] = SITES.map((site) => addressesOf(site).network)
  await nft(instance, [
    `table inet watch {
  counter passed { }
  chain leave {
    type filter hook postrouting priority 300;
    ip saddr ${daejeon ?? ''} counter name passed
    ip saddr ${gwangju ?? ''} counter name passed
  }
}`,
  ])
}
