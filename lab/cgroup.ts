import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A mounted cgroup hierarchy of the host. */
export interface Hierarchy {
  mountPoint: string
  /** `mount` arguments that mount the same hierarchy again: inside a cgroup namespace, from its root down. */
  mountArgs: string[]
}

/** All cgroup hierarchies, as mounted on the host. */
export async function hierarchies(): Promise<Hierarchy[]> {
  const found: Hierarchy[] = []
  for (const line of (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const mountPoint = left.split(' ')[4]
    const [type, , options = ''] = right.split(' ')
    if (mountPoint === undefined || (type !== 'cgroup' && type !== 'cgroup2')) continue
    const kept = options.split(',').filter((option) => option !== 'rw' && option !== 'ro')
    const named = kept.some((option) => option.startsWith('name='))
    const wanted = named ? ['none', ...kept] : kept
    const mountArgs = type === 'cgroup2' ? ['-t', 'cgroup2'] : ['-t', 'cgroup', '-o', wanted.join(',')]
    found.push({ mountPoint, mountArgs })
  }
  return found
}

/** Makes the cgroup in every hierarchy and returns its folders. */
export async function createCgroup(path: string): Promise<string[]> {
  const folders: string[] = []
  for (const { mountPoint } of await hierarchies()) {
    let folder = mountPoint
    for (const segment of path.split('/')) {
      const parent = folder
      folder = join(folder, segment)
      await mkdir(folder, { recursive: true })
      // A new cpuset has no processor and no memory: nothing can enter it before it is told.
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        if (!existsSync(join(folder, file)) || !existsSync(join(parent, file))) continue
        await writeFile(join(folder, file), await readFile(join(parent, file), 'utf8'))
      }
    }
    folders.push(folder)
  }
  return folders
}

/** Prefix of a command that enters the cgroup first, so that all it starts is in it. */
export function enterCgroup(folders: readonly string[]): string[] {
  const joins = folders.map((folder) => `echo 0 >'${folder}/cgroup.procs'`).join('; ')
  return ['sh', '-ec', `${joins}; exec "$@"`, 'sh']
}

/** Every process in the cgroup and those below it, but this one. */
export async function processesIn(path: string): Promise<number[]> {
  const pids = new Set<number>()
  for (const { mountPoint } of await hierarchies()) {
    for (const folder of await below(join(mountPoint, path))) {
      const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '')
      for (const line of text.split('\n')) if (line !== '') pids.add(Number(line))
    }
  }
  pids.delete(process.pid)
  pids.delete(0) // a process of another PID namespace
  return [...pids]
}

/**
 * Kills every process in the cgroup and removes it from every hierarchy.
 *
 * @throws Error when a process does not die within 20 s, or a cgroup cannot be removed.
 */
export async function destroyCgroup(path: string): Promise<void> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const pids = await processesIn(path)
    if (pids.length === 0) break
    if (Date.now() > deadline) throw new Error(`processes ${pids.join(', ')} do not end`)
    for (const pid of pids) kill(pid)
    await sleep(30)
  }
  for (const { mountPoint } of await hierarchies()) {
    for (const folder of (await below(join(mountPoint, path))).reverse()) await removeFolder(folder, deadline)
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself since it was listed.
  }
}

/** A process that just died leaves its cgroup a moment later. */
async function removeFolder(folder: string, deadline: number): Promise<void> {
  for (;;) {
    try {
      return await rmdir(folder)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'ENOENT') return
      if (code !== 'EBUSY' || Date.now() > deadline) throw error
      await sleep(30)
    }
  }
}

/** The folder and all below it, parents first; none when it does not exist. */
async function below(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined)
  if (entries === undefined) return []
  const children = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => below(join(folder, entry.name)))
  return [folder, ...(await Promise.all(children)).flat()]
}
