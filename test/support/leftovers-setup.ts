import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { processesMarked } from './processes.ts'

const marker = 'HAETAE_TEST_RUN'

/**
 * vitest globalSetup, first of every tier: its teardown runs last and fails when a test left a process behind.
 * Every process that a test starts inherits the marker; what clears its environment (a container, a namespace's
 * init) is caught by its mounts instead, of which this run's own are looked at: other work on the machine is not ours.
 */
export default function setup(): () => Promise<void> {
  const run = randomBytes(8).toString('hex')
  process.env[marker] = run
  const mountsBefore = new Set(mounts())
  return async () => {
    const left = await leftoverProcesses(run)
    const pids = left.map(({ pid, command }) => `process ${pid}: ${command.slice(0, 200)}`)
    for (const { pid } of left) endProcess(pid)
    const mounted = mounts()
      .filter((path) => !mountsBefore.has(path) && /haetae-test-/.test(path))
      .map((path) => `mount ${path}`)
    const problems = [...pids, ...mounted]
    if (problems.length > 0) throw new Error(`the tests left something behind:\n${problems.join('\n')}`)
  }
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

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
}
