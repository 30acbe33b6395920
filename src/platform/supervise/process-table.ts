import { readFileSync, readdirSync, readlinkSync, realpathSync } from 'node:fs'

/** What /proc says of a process: enough to tell whether it is the one that we started. */
export interface ProcessFacts {
  pid: number
  /** Name of the program, cut at 15 characters. */
  name: string
  /** Clock ticks since boot: the same pid with another start is another process. */
  start: string
  /** Real path of its working folder; undefined when it cannot be read. */
  folder: string | undefined
}

/** Facts of a living process; undefined when there is none or it is a zombie. */
export function processFacts(pid: number): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const open = stat.indexOf('(')
    const close = stat.lastIndexOf(')')
    const rest = stat.slice(close + 2).split(' ')
    if (rest[0] === 'Z' || rest[0] === 'X') return undefined
    return { pid, name: stat.slice(open + 1, close), start: rest[19] ?? '', folder: folderOf(pid) }
  } catch {
    return undefined
  }
}

/** Living processes that work in a folder (real path). */
export function processesIn(folder: string): ProcessFacts[] {
  const real = realpathSync(folder)
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && folderOf(Number(entry)) === real)
    .map((entry) => processFacts(Number(entry)))
    .filter((facts) => facts !== undefined)
}

/** True while that very process lives. */
export function isAlive(facts: ProcessFacts): boolean {
  return processFacts(facts.pid)?.start === facts.start
}

function folderOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}
