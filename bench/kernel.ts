import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installDebianPackages } from '../bootstrap/debian.mjs'
import { programPath } from '../bootstrap/place.mjs'

const attachMs = 20_000
const strace = { name: 'strace', why: 'counts what the stores sync to the disk' }

/** Why the kernel cannot be asked here; null when it can. Installs strace where root may. */
export async function whyNotCounted(say: (line: string) => void): Promise<string | null> {
  if (programPath('strace') === undefined) {
    if (process.getuid?.() !== 0) return 'strace is not installed, and only root may install it'
    say(`installing Debian’s package strace, which ${strace.why}`)
    await installDebianPackages([strace])
  }
  const counted = await countOfSix()
  return counted === 6 ? null : `strace counts ${counted} of six syncs`
}

/** What is counted of a process that syncs six times: the count is worth something when it is six. */
async function countOfSix(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'haetae-syncs-'))
  const child = spawn(process.execPath, ['-e', sixSyncs, join(folder, 'file')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    const ended = once(child, 'exit')
    await once(child.stdout, 'data')
    return await countSyncs([child.pid ?? 0], folder, async () => {
      child.stdin.write('now')
      await ended
    })
  } finally {
    child.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

const sixSyncs = `
  const { fdatasyncSync, fsyncSync, openSync, writeSync } = require('node:fs')
  const file = openSync(process.argv[1], 'w')
  process.stdin.once('data', () => {
    for (let each = 0; each < 5; each++) {
      writeSync(file, 'x')
      fdatasyncSync(file)
    }
    fsyncSync(file)
    process.stdin.destroy()
  })
  console.log('ready')
`

/**
 * How many syncs of files to the disk the kernel did for these processes and their children while `work` was done.
 * Everything they do is slower meanwhile: not for timings. `folder` gets the trace.
 */
export async function countSyncs(
  pids: readonly number[],
  folder: string,
  work: () => Promise<unknown>,
): Promise<number> {
  const trace = join(folder, 'strace.log')
  const targets = pids.flatMap((pid) => ['-p', String(pid)])
  const child = spawn('strace', ['-f', '-e', 'trace=fsync,fdatasync', '-o', trace, ...targets], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    await attached(child.stderr, pids.length)
    await work()
  } finally {
    child.kill('SIGINT')
    await ended
  }
  return syncsIn(readFileSync(trace, 'utf8'))
}

/** Resolves when strace has said of each process that it is attached. */
function attached(stderr: NodeJS.ReadableStream, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const late = setTimeout(() => reject(new Error(`strace is not attached: ${said}`)), attachMs)
    const settle = (end: () => void) => {
      clearTimeout(late)
      end()
    }
    stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.split(' attached').length > count) settle(resolve)
    })
    stderr.once('end', () => settle(() => reject(new Error(`strace has ended: ${said}`))))
  })
}

/** The syncs in a trace of strace that succeeded, each counted where it returns. */
export function syncsIn(trace: string): number {
  const returned = /(?:\bf(?:data)?sync\(\d+\)|<\.\.\. f(?:data)?sync resumed>.*\))\s+= 0$/
  return trace.split('\n').filter((line) => returned.test(line)).length
}
