import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'

/** One change that really happened outside, as the ledger of effects holds it. */
export interface Effect {
  run: string
  node: string
  key: string
  /** Incarnation of the process that asked for it. */
  by: string
  epoch: number | null
  /** Milliseconds since the epoch. */
  at: number
}

/**
 * The record of what happened outside, which no process under test can touch: a line is on the disk before anybody
 * is told that its effect happened. The asserts read the file.
 */
export class EffectLedger {
  readonly file: string
  readonly #handle: number

  constructor(file: string) {
    this.file = file
    this.#handle = openSync(file, 'a')
  }

  append(effect: Effect): void {
    writeSync(this.#handle, `${JSON.stringify(effect)}\n`)
    fsyncSync(this.#handle)
  }

  read(): Effect[] {
    return readFileSync(this.file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Effect)
  }

  close(): void {
    closeSync(this.#handle)
  }
}
