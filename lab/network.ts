import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HaetaeError } from '#model/errors.ts'
import { addressesOf, CARRIER, CITIZENS_NETWORK, otherSite } from './addresses.ts'
import { run } from './command.ts'
import { SITES, type Instance, type SiteId } from './instance.ts'

/**
 * The network namespaces of a lab. `carrier` is the equipment between the sites: a router that both ends of the
 * link lead to. Faults of the link are made there, so that a site sees what it would see of a real line: silence.
 */
export type NetworkId = SiteId | 'citizens' | 'carrier'
export const NETWORKS: readonly NetworkId[] = ['daejeon', 'gwangju', 'citizens', 'carrier']

/** The file that holds a network namespace; it lives on when every process in it has died. */
export function netnsFile(instance: Instance, network: NetworkId): string {
  return join(instance.netns, network)
}

/** Throws `lab-not-up` when the lab's networks are not there. */
export function requireNetworks(instance: Instance): void {
  if (existsSync(netnsFile(instance, 'carrier'))) return
  throw new HaetaeError('lab-not-up', `the lab ${instance.name}`, { where: instance.root })
}

/** Prefix of a command that runs in one network, and else on the host. */
export function inNetwork(instance: Instance, network: NetworkId): string[] {
  return ['nsenter', `--net=${netnsFile(instance, network)}`, '--']
}

/** Runs `ip` commands, one a line, in one network. */
export async function ip(instance: Instance, network: NetworkId, lines: readonly string[]): Promise<void> {
  await run([...inNetwork(instance, network), 'ip', '-batch', '-'], { input: `${lines.join('\n')}\n` })
}

/** Creates the networks, the lines between them and their routes; nothing of it is on the host's own network. */
export async function createNetworks(instance: Instance): Promise<void> {
  await mkdir(instance.netns, { recursive: true })
  for (const network of NETWORKS) {
    const file = netnsFile(instance, network)
    await writeFile(file, '')
    await run(['unshare', `--net=${file}`, 'true'])
  }
  for (const network of NETWORKS) await ip(instance, network, ['link set dev lo up'])
  // A namespace can inherit the host's settings: state what a router needs, and what citizens must not do.
  for (const network of NETWORKS) await setForwarding(instance, network, network !== 'citizens')
  for (const site of SITES) await connectSite(instance, site)
}

async function setForwarding(instance: Instance, network: NetworkId, forward: boolean): Promise<void> {
  const settings = { ip_forward: Number(forward), 'conf/all/rp_filter': 0, 'conf/default/rp_filter': 0 }
  const writes = Object.entries(settings).map(([key, value]) => `echo ${value} >/proc/sys/net/ipv4/${key}`)
  // IPv6 would be a second way from site to site to think about; the lab speaks IPv4 only (lo keeps ::1).
  writes.push('if [ -d /proc/sys/net/ipv6 ]; then echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; fi')
  await run([...inNetwork(instance, network), 'sh', '-ec', writes.join('\n')])
}

/** Addresses of the two ends of a site's link, so that neither has to ask for the other. */
function mac(site: SiteId, end: 'site' | 'carrier'): string {
  return `02:00:00:00:0${end === 'site' ? 1 : 2}:0${SITES.indexOf(site) + 1}`
}

async function connectSite(instance: Instance, site: SiteId): Promise<void> {
  const own = addressesOf(site)
  const line = own.citizensLine
  const carrier = netnsFile(instance, 'carrier')
  const citizens = netnsFile(instance, 'citizens')
  await ip(instance, site, [
    // This kernel has no dummy device; a pair whose other end nobody uses is as good.
    'link add name site0 type veth peer name site0-end',
    'link set dev site0-end up',
    'link set dev site0 up',
    `addr add ${own.node}/32 dev site0`,
    `addr add ${own.nameServer}/32 dev site0`,
    `addr add ${own.loadBalancer}/32 dev site0`,
    // A process of the site itself finds a route before kube-proxy changes the destination.
    `route add ${own.services} dev site0 src ${own.node}`,
    `link add name link address ${mac(site, 'site')} type veth peer name ${site} address ${mac(site, 'carrier')} netns ${carrier}`,
    `link add name citizens type veth peer name ${site} netns ${citizens}`,
    'link set dev citizens up',
    `addr add ${line.site}/30 dev citizens`,
    'link set dev link up',
    `addr add ${own.link} peer ${CARRIER}/32 dev link`,
    // A neighbour that must be asked for would be known dead three seconds into a partition; real lines are silent.
    `neigh add ${CARRIER} lladdr ${mac(site, 'carrier')} nud permanent dev link`,
    `route add ${addressesOf(otherSite(site)).network} via ${CARRIER} dev link src ${own.node}`,
  ])
  await ip(instance, 'carrier', [`addr add ${CARRIER} peer ${own.link}/32 dev ${site}`])
  await raiseLink(instance, site)
  await ip(instance, 'citizens', [
    `link set dev ${site} up`,
    `addr add ${line.citizens}/30 dev ${site}`,
    `route add ${own.network} via ${line.site} dev ${site} src ${line.citizens}`,
  ])
}

/** Brings the carrier's end of a site's link up, with the neighbour and the route that going down takes away. */
export async function raiseLink(instance: Instance, site: SiteId): Promise<void> {
  const own = addressesOf(site)
  await ip(instance, 'carrier', [
    `link set dev ${site} up`,
    `neigh replace ${own.link} lladdr ${mac(site, 'site')} nud permanent dev ${site}`,
    `route replace ${own.network} via ${own.link} dev ${site} src ${CARRIER}`,
  ])
}

/**
 * Throws `lab-command-failed` when a packet could pass between the sites by another way than the link: a default route, a route to
 * the other site by another device, citizens that forward.
 */
export async function proveOnlyRoute(instance: Instance): Promise<void> {
  for (const site of SITES) {
    const other = addressesOf(otherSite(site)).network
    for (const line of (await routes(instance, site)).split('\n')) {
      const byLink = line.includes(' dev link ')
      if (line.startsWith('default')) throw otherWay(`${site} has a default route: ${line}`)
      if (line.startsWith(other.split('/')[0] ?? other) && !byLink) throw otherWay(`${site}: ${line}`)
      if (line.startsWith(CITIZENS_NETWORK)) throw otherWay(`${site} could go through the citizens: ${line}`)
    }
  }
  const forwards = await run([...inNetwork(instance, 'citizens'), 'cat', '/proc/sys/net/ipv4/ip_forward'])
  if (forwards.trim() !== '0') throw otherWay('the citizens forward packets')
}

function otherWay(why: string): HaetaeError {
  return new HaetaeError('lab-command-failed', 'the link is not the only way between the sites', { why })
}

/** All IPv4 routes of a network but those of its own addresses, one a line. */
export async function routes(instance: Instance, network: NetworkId): Promise<string> {
  return (await run([...inNetwork(instance, network), 'ip', '-4', 'route', 'show', 'table', 'main'])).trim()
}
