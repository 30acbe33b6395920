import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ownedFolder } from './owned-folder.ts'
import { processesMarked } from './processes.ts'

const marker = 'HAETAE_TEST_RUN'

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
  const folder = await ownedFolder('haetae-run-')
  chmodSync(folder, 0o755) // The PostgreSQL of a test runs as another user.
  const run = `${basename(folder)}-${process.pid}`
  process.env[marker] = run
  process.env['TMPDIR'] = folder
  return async () => {
    const processes = await leftoverProcesses(run)
    for (const { pid } of processes) endProcess(pid)
    const problems = [
      ...processes.map(({ pid, command }) => `process ${pid}: ${command.slice(0, 200)}`),
      ...mountsBelow(folder).map((path) => `mount ${path}`),
      ...readdirSync(folder)
        .filter(isOfATest)
        .map((name) => `temporary file ${name}`),
    ]
    if (mountsBelow(folder).length === 0) rmSync(folder, { recursive: true, force: true })
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    if (problems.length > 0) throw new Error(`the tests left something behind:\n${problems.join('\n')}`)
  }
}

/** `data` and `owner.pid` are the run's own, the others are caches of Node and vitest. */
function isOfATest(name: string): boolean {
  return !/^(?:data$|owner\.pid$|node-compile-cache|node-jiti|vitest)/.test(name)
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
