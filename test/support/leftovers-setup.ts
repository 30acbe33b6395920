import { chmodSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { memoryVariable, ownedFolder } from './owned-folder.ts'
import { processesMarked } from './processes.ts'

const marker = 'HAETAE_TEST_RUN'
const memory = '/dev/shm'
/** The type that statfs gives a file system in memory. */
const tmpfs = 0x01021994

/**
 * vitest globalSetup, first of every tier: its teardown runs last and fails when a test left something behind: a
 * process, a temporary file, a mount in its temporary folder.
 *
 * Every process that a test starts inherits the marker, and every temporary folder is made inside the run's own. What
 * clears its environment (a container, a namespace's init) is looked for by the tier that starts such things.
 */
export default async function setup(): Promise<() => Promise<void>> {
  // With several tiers in one run the first looks for all: its teardown is the last.
  if (process.env[marker]?.endsWith(`-${process.pid}`) === true) return async () => {}
  const before = process.env['TMPDIR']
  const folder = await runFolder(tmpdir())
  const folders = hasRoom(memory) ? [folder, await runFolder(memory)] : [folder]
  const run = `${basename(folder)}-${process.pid}`
  process.env[marker] = run
  process.env['TMPDIR'] = folder
  process.env[memoryVariable] = folders.at(-1)
  return async () => {
    const processes = await leftoverProcesses(run)
    for (const { pid } of processes) endProcess(pid)
    const problems = [
      ...processes.map(({ pid, command }) => `process ${pid}: ${command.slice(0, 200)}`),
      ...folders.flatMap((one) => [
        ...mountsBelow(one).map((path) => `mount ${path}`),
        ...filesOfTestsIn(one).map((path) => `temporary file ${path}`),
      ]),
    ]
    for (const one of folders)
      if (mountsBelow(one).length === 0) rmSync(one, { recursive: true, force: true })
    delete process.env[memoryVariable]
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    if (problems.length > 0) throw new Error(`the tests left something behind:\n${problems.join('\n')}`)
  }
}

async function runFolder(under: string): Promise<string> {
  const folder = await ownedFolder('haetae-run-', undefined, under)
  chmodSync(folder, 0o755) // The PostgreSQL of a test runs as another user.
  return folder
}

/** Whether it is a file system in memory with room for all that the servers of a run write. */
function hasRoom(folder: string): boolean {
  try {
    const { type, bavail, bsize } = statfsSync(folder)
    return type === tmpfs && bavail * bsize > 4 * 2 ** 30
  } catch {
    return false
  }
}

/** `data` and `owner.pid` are the run's own, the others are caches of Node and vitest. */
function filesOfTestsIn(folder: string): string[] {
  const ofTheRun = /^(?:data$|owner\.pid$|node-compile-cache|node-jiti|vitest)/
  return readdirSync(folder)
    .filter((name) => !ofTheRun.test(name))
    .map((name) => join(folder, name))
}

/** A child that was told to end needs a moment; what is still there after three seconds was left. */
async function leftoverProcesses(run: string): Promise<{ pid: number; command: string }[]> {
  const deadline = Date.now() + 3000
  for (;;) {
    const left = processesMarked(marker, run).filter(
      ({ pid, command }) => pid !== process.pid && !isTestWorker(command),
    )
    if (left.length === 0 || Date.now() > deadline) return left
    await sleep(50)
  }
}

function isTestWorker(command: string): boolean {
  return /^(?:node \(vitest|vitest-watchdog)/.test(command) || command.includes('/vitest/dist/workers/')
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

function mountsBelow(folder: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
}
