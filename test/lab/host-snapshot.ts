import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { hierarchies } from '../../lab/cgroup.ts'
import { run } from '../../lab/command.ts'
import { LABS_ROOT, type Instance } from '../../lab/instance.ts'

/** What a lab could leave on its host, each as sorted lines. */
export interface HostSnapshot {
  /** Processes that have to do with the lab: by cgroup, command line, working folder or mounts. */
  processes: string[]
  mounts: string[]
  cgroups: string[]
  loopDevices: string[]
  /** Rules, routes and devices of the host's own network. */
  nftables: string[]
  rules: string[]
  routes: string[]
  links: string[]
  sysctls: string[]
  folders: string[]
  /** What labs share: the folder above theirs, and the one setting that they may raise. */
  shared: string[]
}

/** Both snapshots in one shape: what labs share is told by neither when another lab lived during one of them. */
export function comparable(
  before: HostSnapshot,
  after: HostSnapshot,
): { before: HostSnapshot; after: HostSnapshot } {
  const others = [before, after].some(({ shared }) => shared.includes(OTHER_LABS))
  const shared = others ? [OTHER_LABS] : undefined
  return {
    before: { ...before, shared: shared ?? before.shared },
    after: { ...after, shared: shared ?? after.shared },
  }
}

const OTHER_LABS = 'other labs are here'

/**
 * Takes the snapshot. Other labs may live on the host: what clearly belongs to them is left out.
 */
export async function hostSnapshot(instance: Instance): Promise<HostSnapshot> {
  const lines = async (...argv: string[]): Promise<string[]> => sorted((await run(argv)).split('\n'))
  return {
    processes: processesOf(instance),
    mounts: sorted(readFileSync('/proc/self/mountinfo', 'utf8').split('\n')).filter(
      (line) => !ofOther(line, instance),
    ),
    cgroups: sorted((await hierarchies()).flatMap(({ mountPoint }) => foldersBelow(mountPoint, 2))).filter(
      (path) => path.includes(instance.cgroup) || path.includes('k8s.io') || path.includes('kubepods'),
    ),
    loopDevices: (await lines('losetup', '--all')).filter((line) => !ofOther(line, instance)),
    nftables: await lines('nft', 'list', 'ruleset'),
    rules: await lines('ip', 'rule'),
    routes: await lines('ip', '-4', 'route', 'show', 'table', 'all'),
    links: (await lines('ip', '-o', 'link')).map((line) => line.split(':')[1]?.trim() ?? line),
    sysctls: SYSCTL_FOLDERS.flatMap((folder) => values(join('/proc/sys', folder))).filter(
      (line) => !VOLATILE.test(line),
    ),
    folders: FOLDERS.flatMap((folder) => namesIn(folder).map((name) => join(folder, name))).filter(
      (path) => path !== LABS_ROOT,
    ),
    shared: sharedThings(instance),
  }
}

function sharedThings(instance: Instance): string[] {
  const names = namesIn(LABS_ROOT)
  if (names.some((name) => !name.startsWith('.') && name !== instance.name)) return [OTHER_LABS]
  const root = existsSync(LABS_ROOT) ? [LABS_ROOT] : []
  return [...root, ...names.map((name) => join(LABS_ROOT, name)), ...values('/proc/sys/fs/inotify')]
}

/** Folders in which a part of the lab writes when nobody keeps it from it. */
const FOLDERS = ['/var/lib', '/var/log', '/run', '/run/netns', '/opt', '/opt/cni', '/etc/cni', '/usr/libexec']
const SYSCTL_FOLDERS = ['kernel', 'vm', 'net/ipv4', 'net/ipv6/conf/all', 'net/netfilter']
/** Values that change by themselves, or with the number of processes. */
const VOLATILE =
  /ns_last_pid|\/random\/|nf_conntrack_count|\/pty\/nr|sched_domain|\/stat_refresh|compact_memory|\/route\/flush/

function sorted(lines: readonly string[]): string[] {
  return lines.filter((line) => line.trim() !== '').sort()
}

function ofOther(line: string, instance: Instance): boolean {
  return line.includes('/var/lib/haetae/') && !line.includes(`${instance.root}/`)
}

function processesOf(instance: Instance): string[] {
  const found: string[] = []
  for (const pid of readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && name !== String(process.pid),
  )) {
    if (hasEnded(read(`/proc/${pid}/status`))) continue
    const about = ['cgroup', 'cmdline', 'mountinfo'].map((file) => read(`/proc/${pid}/${file}`)).join('\n')
    // A test runner's own children mention the instance in nothing but what they were told to run.
    const own =
      about.includes(`${instance.cgroup}/`) ||
      about.includes(`${instance.root}/`) ||
      about.includes(`supervisor.ts\0${instance.name}\0`)
    if (own)
      found.push(
        `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 120)} ${link(`/proc/${pid}/cwd`)}`,
      )
  }
  return found
}

/**
 * What has ended is gone; when the host's init collects it is the host's affair. The first process of a PID namespace
 * stays for as long as one that had entered the namespace is not collected: it has no memory any more.
 */
function hasEnded(status: string): boolean {
  return /^State:\s+[ZX]/m.test(status) || !/^VmSize:/m.test(status)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // it ended, or the kernel does not let it be read
  }
}

function link(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return ''
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

function foldersBelow(folder: string, depth: number): string[] {
  if (depth === 0) return []
  try {
    const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    return names.flatMap(({ name }) => [join(folder, name), ...foldersBelow(join(folder, name), depth - 1)])
  } catch {
    return []
  }
}

function values(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? values(path) : [`${path} = ${read(path).trim()}`]
    })
  } catch {
    return []
  }
}
