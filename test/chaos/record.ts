import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** One round that was played to its end. */
export interface RoundLine {
  seed: number
  /** Empty: nothing was lost, nothing happened twice, every run ended. */
  violations: string[]
  effects: number
  mishaps: number
  answers: number
  ms: number
}

export interface Totals {
  rounds: number
  failed: number[]
  effects: number
  mishaps: number
  answers: number
}

/** The rounds of one commit, a line each; on the disk before the next one begins, so that a range can be gone on with. */
export class RoundRecord {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
    mkdirSync(dirname(file), { recursive: true })
  }

  /** Rounds on record, the last of a seed counting: one that is repeated replaces what was. */
  read(): Map<number, RoundLine> {
    if (!existsSync(this.#file)) return new Map()
    const lines = readFileSync(this.#file, 'utf8').split('\n')
    return new Map(lines.flatMap(parsed).map((line) => [line.seed, line]))
  }

  append(line: RoundLine): void {
    const handle = openSync(this.#file, 'a')
    writeSync(handle, `${JSON.stringify(line)}\n`)
    fsyncSync(handle)
    closeSync(handle)
  }
}

/** A line that was cut off by a power loss is no round. */
function parsed(text: string): RoundLine[] {
  try {
    return text === '' ? [] : [JSON.parse(text) as RoundLine]
  } catch {
    return []
  }
}

/** Everything that is on record for a commit, whatever ranges it was played in. */
export function totalsOf(lines: Iterable<RoundLine>): Totals {
  const all = [...lines]
  const sum = (of: (line: RoundLine) => number) => all.reduce((total, line) => total + of(line), 0)
  return {
    rounds: all.length,
    failed: all.filter(({ violations }) => violations.length > 0).map(({ seed }) => seed),
    effects: sum(({ effects }) => effects),
    mishaps: sum(({ mishaps }) => mishaps),
    answers: sum(({ answers }) => answers),
  }
}

/** `1-1000`, or one seed, as the seeds from and to. Throws RangeError. */
export function seedRange(text: string): { from: number; to: number } {
  const [, from, to] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text) ?? []
  const range = { from: Number(from), to: Number(to ?? from) }
  if (from === undefined || range.from < 1 || range.to < range.from)
    throw new RangeError(`${text} is no range of seeds: write 1-1000, or one seed such as 17`)
  return range
}
