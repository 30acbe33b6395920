import { displayWidth, plain, wrap } from './width.ts'

/** The part of a stream that a footer needs. */
export interface Screen {
  isTTY?: boolean
  columns?: number
  rows?: number
  write(text: string): unknown
}

/**
 * Lines that stay at the bottom of a terminal while others scroll above. Without a terminal they are printed
 * as plain lines, each once when it is new.
 */
export class Footer {
  readonly #screen: Screen | undefined
  #shown: readonly string[] = []
  /** Rows of the screen that are taken. */
  #rows = 0

  /** Without a screen nothing is written. */
  constructor(screen: Screen | undefined) {
    this.#screen = screen
  }

  /** A line that scrolls. */
  line(text: string): void {
    if (this.#screen?.isTTY !== true) {
      this.#screen?.write(`${plain(text)}\n`)
      return
    }
    this.#erase()
    this.#screen.write(`${text}\n`)
    this.#draw()
  }

  /** Replaces what stays at the bottom. */
  show(lines: readonly string[]): void {
    const before = new Set(this.#shown)
    if (this.#screen?.isTTY !== true) {
      for (const line of lines) if (!before.has(line)) this.#screen?.write(`${plain(line)}\n`)
      this.#shown = lines
      return
    }
    if (lines.length === before.size && lines.every((line) => before.has(line))) return
    this.#erase()
    this.#shown = lines
    this.#draw()
  }

  close(): void {
    if (this.#screen?.isTTY === true) this.#erase()
    this.#shown = []
  }

  #erase(): void {
    if (this.#rows > 0) this.#screen?.write(`\u001b[${this.#rows}A\u001b[0J`)
    this.#rows = 0
  }

  /** What does not fit on the screen could not be erased: it is left out. */
  #draw(): void {
    const width = this.#screen?.columns ?? 100
    const room = Math.max(1, (this.#screen?.rows ?? Infinity) - 1)
    const pieces = this.#shown.flatMap((line) => folded(line, width))
    for (const [at, { text, rows }] of pieces.entries()) {
      const more = at < pieces.length - 1 ? 1 : 0
      const fits = this.#rows + rows + more <= room
      this.#screen?.write(`${fits ? text : '…'}\n`)
      this.#rows += fits ? rows : 1
      if (!fits) return
    }
  }
}

interface Piece {
  text: string
  rows: number
}

/** A line in rows of a screen, broken between words. A command is left to the terminal, so that it can be copied whole. */
function folded(line: string, width: number): Piece[] {
  const taken = displayWidth(line)
  if (taken <= width) return [{ text: line, rows: 1 }]
  if (/^ *(\S.*: )?haetae /.test(line)) return [{ text: line, rows: Math.ceil(taken / width) }]
  const text = plain(line)
  const margin = ' '.repeat(Math.min(text.length - text.trimStart().length, Math.floor(width / 2)))
  return wrap(text, width - margin.length).map((row) => ({ text: margin + row, rows: 1 }))
}
