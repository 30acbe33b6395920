import { open, type FileHandle } from 'node:fs/promises'

/** A transaction that a system acknowledged: it must never be lost. Times are milliseconds of the citizens' clock. */
export interface Acknowledged {
  kind: 'acknowledged'
  system: string
  id: string
  /** When it was first sent; the same transaction is sent again until it is acknowledged. */
  sentAt: number
  acknowledgedAt: number
  /** Where the name pointed to. */
  address: string
}

/** The first transaction of a system that was not acknowledged, after ones that were. */
export interface Away {
  kind: 'away'
  system: string
  since: number
  why: string
}

/** The first acknowledged one after that. */
export interface Back {
  kind: 'back'
  system: string
  since: number
  until: number
  failures: number
}

export interface Began {
  kind: 'began'
  at: number
  systems: string[]
  perSecond: number
}

export interface Ended {
  kind: 'ended'
  at: number
  why: string
}

export type RecordLine = Acknowledged | Away | Back | Began | Ended

/**
 * The citizens' own record, one JSON line an event. `write` resolves when the line is on disk, and only then do they
 * go on; lines of the same moment share one fdatasync.
 */
export class RecordWriter {
  readonly #file: FileHandle
  #waiting: { line: string; done: () => void; failed: (error: unknown) => void }[] = []
  #flushing: Promise<void> | undefined

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async open(path: string): Promise<RecordWriter> {
    return new RecordWriter(await open(path, 'a', 0o644))
  }

  write(line: RecordLine): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ line: `${JSON.stringify(line)}\n`, done, failed })
      this.#flushing ??= this.#flush()
    })
  }

  async close(): Promise<void> {
    await this.#flushing
    await this.#file.close()
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#file.appendFile(batch.map(({ line }) => line).join(''))
        await this.#file.datasync()
        for (const { done } of batch) done()
      } catch (error) {
        for (const { failed } of batch) failed(error)
      }
    }
    this.#flushing = undefined
  }
}

/**
 * The lines of a record. A last line that was cut off is left out: nobody went on after it.
 * Throws Error with the line's number when another line cannot be read.
 */
export function parseRecord(text: string): RecordLine[] {
  const lines = text.split('\n')
  lines.pop()
  return lines.map((line, index) => {
    try {
      return JSON.parse(line) as RecordLine
    } catch {
      throw new Error(`line ${index + 1} of the citizens' record is not JSON`)
    }
  })
}
