import type { JournalEntry, RunDetail } from '#api/schema/run.ts'
import { boardLines, endedSystems, milestone } from './board.ts'
import { Footer, type Screen } from './footer.ts'
import type { Language } from './language.ts'
import { gateLine } from './gate.ts'
import { questionLines } from './question.ts'
import { entryLine, saidLines, waitingLines } from './run.ts'
import { pageWidth } from './table.ts'

/** What stays free above the board, so that one sees what has just happened. */
const scrolling = 8

/**
 * A run that is being watched. On a terminal, entries scroll above a board that stays; elsewhere every entry and every
 * system that has come to its end is a line, and what people are waited for is said once.
 */
export class WatchScreen {
  readonly #screen: Screen
  readonly #footer: Footer
  readonly #language: Language
  /** The last look at the run, and when it arrived here: the daemon's clock goes on from there. */
  #seen: { run: RunDetail; at: number } | undefined
  readonly #told = new Set<string>()
  readonly #tick: NodeJS.Timeout | undefined

  constructor(screen: Screen, language: Language) {
    this.#screen = screen
    this.#footer = new Footer(screen)
    this.#language = language
    if (screen.isTTY === true) this.#tick = setInterval(() => this.#draw(), 1000).unref()
  }

  entry(entry: JournalEntry): void {
    this.line(entryLine(entry, this.#language))
  }

  line(text: string): void {
    this.#footer.line(text)
  }

  standing(run: RunDetail): void {
    this.#seen = { run, at: performance.now() }
    if (this.#screen.isTTY !== true) this.#tellEnded(run)
    this.#draw()
  }

  /** Leaves the board as it is now above the cursor. */
  close(): void {
    clearInterval(this.#tick)
    const board = this.#screen.isTTY === true ? this.#board() : []
    this.#footer.close()
    for (const line of board) this.#footer.line(line)
    this.#seen = undefined
  }

  #tellEnded(run: RunDetail): void {
    for (const system of endedSystems(run)) {
      const line = milestone(run, system, this.#now(), this.#language)
      if (line !== undefined && !this.#told.has(system)) this.line(line)
      this.#told.add(system)
    }
  }

  #draw(): void {
    if (this.#seen === undefined) return
    const { run } = this.#seen
    const language = this.#language
    const people = [
      ...saidLines(run, language),
      ...run.gates.filter((gate) => gate.state !== 'passed').map((gate) => gateLine(gate, language)),
      ...questionLines(run, language),
    ]
    const others = run.graph.filter((node) => node.system === null)
    if (this.#screen.isTTY !== true) {
      return this.#footer.show([...people, ...waitingLines(run, language, Infinity)])
    }
    const waiting = waitingLines({ graph: others }, language, this.#width())
    this.#footer.show([...this.#board(), ...people, ...waiting])
  }

  #board(): string[] {
    if (this.#seen === undefined) return []
    const rows = Math.max(6, (this.#screen.rows ?? 24) - scrolling)
    return boardLines(this.#seen.run, this.#now(), this.#language, rows, this.#width())
  }

  #width(): number {
    return Math.min(pageWidth, this.#screen.columns ?? pageWidth)
  }

  #now(): number {
    if (this.#seen === undefined) return Date.now()
    return Date.parse(this.#seen.run.asOf) + performance.now() - this.#seen.at
  }
}
