import { existsSync } from 'node:fs'
import { holderOf, type Holder } from '#platform/hold.ts'
import { processesIn } from './cgroup.ts'
import { attempt } from './command.ts'
import { daemonPid } from './daemon.ts'
import { instanceOf, SITES, type Instance, type SiteId } from './instance.ts'
import { linkIsUp } from './link.ts'
import { inNetwork } from './network.ts'
import { initPid } from './place.ts'
import { PART_NAMES, type PartName } from './site/parts.ts'
import { partsAlive } from './site/control.ts'

export interface SiteStatus {
  site: SiteId
  /** `lost`: by `lab lose`; `absent`: it never came up. */
  state: 'up' | 'lost' | 'absent'
  parts: Record<PartName, boolean>
  daemon: boolean
  processes: number
}

export interface LabStatus {
  instance: string
  root: string
  /** `left over`: nobody holds it, but something of it is there; the next `up` or `down` removes it. */
  state: 'up' | 'none' | 'left over'
  /** The process that holds the lab. */
  holder?: Holder
  link?: 'up' | 'down'
  citizens?: boolean
  sites: SiteStatus[]
}

/** How a lab is, as the kernel sees it. Needs root for more than `none`. */
export async function status(instance: Instance = instanceOf()): Promise<LabStatus> {
  const holder = await holderOf(instance.lock)
  const { name, root } = instance
  if (!existsSync(root)) return { instance: name, root, state: 'none', sites: [] }
  if (holder === undefined) return { instance: name, root, state: 'left over', sites: [] }
  const running = (await initPid(instance, 'citizens')) !== undefined
  return {
    ...{ instance: name, root, state: 'up', holder },
    ...(running ? { link: (await linkIsUp(instance)) ? ('up' as const) : ('down' as const) } : {}),
    citizens: (await processesIn(`${instance.cgroup}/citizens`)).length > 2,
    sites: await Promise.all(SITES.map((site) => siteStatus(instance, site))),
  }
}

async function siteStatus(instance: Instance, site: SiteId): Promise<SiteStatus> {
  const none = Object.fromEntries(PART_NAMES.map((name) => [name, false])) as Record<PartName, boolean>
  if ((await initPid(instance, site)) === undefined) {
    const dropped = await attempt([...inNetwork(instance, site), 'nft', 'list', 'table', 'netdev', 'lost'])
    return { site, state: dropped.code === 0 ? 'lost' : 'absent', parts: none, daemon: false, processes: 0 }
  }
  const alive = await partsAlive(instance, site, PART_NAMES)
  return {
    ...{ site, state: 'up' },
    parts: Object.fromEntries(PART_NAMES.map((name) => [name, alive.includes(name)])) as SiteStatus['parts'],
    daemon: (await daemonPid(instance, site)) !== undefined,
    processes: (await processesIn(`${instance.cgroup}/${site}`)).length,
  }
}
