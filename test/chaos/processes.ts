import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const checkout = join(import.meta.dirname, '../..')

/** A program under fire. */
export interface Program {
  name: string
  /** Arguments of Node. */
  argv: readonly string[]
  /** The line of its log that says that it works. */
  worksMessage: string
}

/** One daemon under fire: it is killed, frozen, and started again on the same data folder. */
export class Victim {
  readonly name: string
  /** How often it was started. */
  starts = 0
  /** Ends that nobody asked for, with what the process said. */
  readonly surprises: string[] = []
  readonly #program: Program
  readonly #logFile: string
  #child: ChildProcess | undefined
  #frozen = false

  constructor(program: Program, logFolder: string) {
    this.name = program.name
    this.#program = program
    this.#logFile = join(logFolder, `${program.name}.log`)
  }

  get alive(): boolean {
    return this.#child !== undefined
  }

  get frozen(): boolean {
    return this.#frozen
  }

  start(): void {
    const log = openSync(this.#logFile, 'a')
    // A test runner that is killed must not leave it behind.
    const argv = ['--pdeathsig', 'KILL', process.execPath, ...this.#program.argv]
    // In a group of its own: Ctrl-C at a terminal is for whoever plays the rounds.
    const child = spawn('setpriv', argv, { cwd: checkout, stdio: ['ignore', log, log], detached: true })
    closeSync(log)
    this.#child = child
    this.#frozen = false
    this.starts += 1
    child.once('exit', (code, signal) => {
      if (this.#child !== child) return
      this.#child = undefined
      this.surprises.push(`${this.name} ended with ${signal ?? String(code)}: ${this.tail(8)}`)
    })
  }

  /** As a power cut would: at whatever instruction it is. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    this.#frozen = false
    const gone = new Promise((done) => child.once('exit', done))
    child.kill('SIGKILL')
    await gone
  }

  freeze(): void {
    this.#frozen = this.#child?.kill('SIGSTOP') ?? false
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
    this.#frozen = false
  }

  /** Ends it in order; returns what was not in order. */
  async stop(withinMs: number): Promise<string | undefined> {
    const child = this.#child
    if (child === undefined) return undefined
    const said = this.#said()
    this.#child = undefined
    const gone = new Promise<number | string | null>((done) =>
      child.once('exit', (code, signal) => done(signal ?? code)),
    )
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
    const how = await gone
    clearTimeout(timer)
    // One that was only being loaded has nothing to put in order.
    if (how === 0 || (how === 'SIGTERM' && said === '')) return undefined
    return `${this.name} did not stop in order: ${String(how)}`
  }

  /** Waits until this start of it works; false when it ended or took too long. */
  async works(withinMs: number): Promise<boolean> {
    const deadline = Date.now() + withinMs
    const starts = this.starts
    while (this.alive && this.starts === starts && Date.now() < deadline) {
      if (this.#said().includes(this.#program.worksMessage)) return true
      await sleep(50)
    }
    return false
  }

  /** Whether this start of it has logged a message about a run. */
  logged(message: string, run: string): boolean {
    return this.#said()
      .split('\n')
      .some((line) => line.includes(`"msg":"${message}"`) && line.includes(`"run":"${run}"`))
  }

  tail(lines: number): string {
    return readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-lines).join(' | ')
  }

  /** The log of the process that runs now. */
  #said(): string {
    const mark = `"pid":${this.#child?.pid}`
    return readFileSync(this.#logFile, 'utf8')
      .split('\n')
      .filter((line) => line.includes(mark))
      .join('\n')
  }
}
