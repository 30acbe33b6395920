import { open } from 'node:fs/promises'
import { parseRecord, type RecordLine } from '../citizens/record.ts'

/** What citizens last met at a system. */
export interface Meeting {
  acknowledged: number
  /** Milliseconds; 0 before the first. */
  lastAt: number
  away: boolean
}

/** Follows the citizens' record while they write it, reading only what is new. */
export class RecordTail {
  readonly lines: RecordLine[] = []
  readonly #path: string
  readonly #meetings = new Map<string, Meeting>()
  #offset = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Reads what was written since; a record that is not there yet has nothing. */
  async read(): Promise<ReadonlyMap<string, Meeting>> {
    const fresh = await this.#fresh()
    const whole = fresh.subarray(0, fresh.lastIndexOf(10) + 1)
    this.#offset += whole.length
    for (const line of parseRecord(whole.toString('utf8'))) {
      this.lines.push(line)
      this.#meet(line)
    }
    return this.#meetings
  }

  async #fresh(): Promise<Buffer> {
    const file = await open(this.#path, 'r').catch(() => undefined)
    if (file === undefined) return Buffer.alloc(0)
    try {
      const { size } = await file.stat()
      const { buffer, bytesRead } = await file.read({
        buffer: Buffer.alloc(Math.max(0, size - this.#offset)),
        position: this.#offset,
      })
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  }

  #meet(line: RecordLine): void {
    if (line.kind === 'began' || line.kind === 'ended') return
    const known = this.#meetings.get(line.system) ?? { acknowledged: 0, lastAt: 0, away: false }
    if (line.kind === 'acknowledged') {
      known.acknowledged += 1
      known.lastAt = line.acknowledgedAt
    }
    if (line.kind === 'away') known.away = true
    if (line.kind === 'back') known.away = false
    this.#meetings.set(line.system, known)
  }
}
