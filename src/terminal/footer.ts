import { cut, displayWidth, plain } from './width.ts'

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
    if (this.#shown.length > 0) this.#screen?.write(`\u001b[${this.#shown.length}A\u001b[0J`)
  }

  /** A line that the terminal would break takes two rows and spoils the next erase: it is cut. */
  #draw(): void {
    const width = this.#screen?.columns ?? 100
    for (const line of this.#shown) {
      this.#screen?.write(`${displayWidth(line) > width ? cut(plain(line), width) : line}\n`)
    }
  }
}
