// What the bootstrap says to people, and how it stops. Plain JavaScript on Node's built-ins: nothing is installed yet.

/** A reason to stop that is the user's to solve: one clear sentence, no stack. */
export class Stop extends Error {
  /** @param {string} sentence @param {number} [exitCode] */
  constructor(sentence, exitCode = 6) {
    super(sentence)
    this.exitCode = exitCode
  }
}

/** @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`)
}

/** @param {number} ms @returns {string} such as `7 s` or `6 min 5 s` */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000))
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/**
 * A progress line with the elapsed and, once it can be told, the remaining time: rewritten in place on a terminal,
 * a line every 15 seconds elsewhere (a log).
 */
export class Progress {
  /** @param {string} title @param {{estimate?: boolean}} [options] `estimate: false` where the pace tells nothing */
  constructor(title, { estimate = true } = {}) {
    this.title = title
    this.estimate = estimate
    this.started = Date.now()
    this.fraction = 0
    this.detail = ''
    this.terminal = process.stderr.isTTY === true
    this.timer = setInterval(() => this.show(), this.terminal ? 250 : 15_000)
    this.show()
  }

  /** @param {number} fraction 0 to 1 @param {string} [detail] */
  set(fraction, detail) {
    this.fraction = Math.min(1, Math.max(0, fraction))
    if (detail !== undefined) this.detail = detail
  }

  /** Milliseconds that are left at the pace so far, or undefined while that would be a guess. */
  remaining() {
    const elapsed = Date.now() - this.started
    if (!this.estimate || this.fraction < 0.02 || elapsed < 3000) return undefined
    return (elapsed / this.fraction) * (1 - this.fraction)
  }

  line() {
    const remaining = this.remaining()
    const percent = this.fraction === 0 ? '' : ` ${Math.floor(this.fraction * 100)} %`
    const left = remaining === undefined ? '' : `, about ${duration(remaining)} left`
    return `  ${this.title}:${percent} ${duration(Date.now() - this.started)}${left}${this.detail && ` (${this.detail})`}`
  }

  show() {
    if (!this.terminal) {
      process.stderr.write(`${this.line()}\n`)
      return
    }
    const width = (process.stderr.columns ?? 80) - 1
    process.stderr.write(`\r\u001b[2K${this.line().slice(0, width)}`)
  }

  /** @param {string} [result] what the last line says; nothing when the step failed */
  end(result) {
    clearInterval(this.timer)
    if (this.terminal) process.stderr.write('\r\u001b[2K')
    if (result !== undefined) say(`  ${this.title}: ${result} (${duration(Date.now() - this.started)})`)
  }
}
