import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { down } from '../../lab/down.ts'
import { testInstance } from './test-lab.ts'

/**
 * vitest globalSetup of the tiers that run a lab: it is the tests' own, it is taken down at the end whatever the tests
 * did, and the run fails when something of it is left.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const instance = testInstance()
  process.env['HAETAE_LAB_INSTANCE'] = instance.name
  await down(instance)
  return async () => {
    await down(instance)
    const left = leftOf(instance.name, instance.root)
    if (left.length > 0) throw new Error(`the lab of the tests left something behind:\n${left.join('\n')}`)
  }
}

/** Mounts, cgroups, the folder, and processes that work in it or carry its name. */
function leftOf(name: string, root: string): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`${root}/`))
  const groups = readdirSync('/sys/fs/cgroup', { withFileTypes: true })
    .flatMap((entry) => [
      join('/sys/fs/cgroup', entry.name),
      join('/sys/fs/cgroup', entry.name, `haetae-${name}`),
    ])
    .filter((path) => path.endsWith(`haetae-${name}`) && existsSync(path))
  const processes = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => commandOf(pid).includes(`${root}/`))
  return [
    ...mounts.map((line) => `mount ${line}`),
    ...groups.map((path) => `cgroup ${path}`),
    ...processes.map((pid) => `process ${pid}: ${commandOf(pid).slice(0, 200)}`),
    ...(existsSync(root) ? [`folder ${root}`] : []),
  ]
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
