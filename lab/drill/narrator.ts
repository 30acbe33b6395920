import type { Localized } from '#model/localized.ts'
import { Footer, type Screen } from '#terminal/footer.ts'
import { inLanguage, type Language } from '#terminal/language.ts'
import { paint } from '#terminal/paint.ts'

/** Tells people what happens, with the time since the drill began. The last line is where things stand now. */
export class Narrator {
  readonly language: Language
  readonly #footer: Footer
  readonly #screen: Screen
  readonly #began = Date.now()

  constructor(language: Language, screen: Screen = process.stdout) {
    this.language = language
    this.#screen = screen
    this.#footer = new Footer(screen)
  }

  /** A chapter of the drill. */
  chapter(ko: string, en: string): void {
    this.#footer.show([])
    this.#footer.line('')
    this.#footer.line(`${this.#elapsed()}  ${paint('bold', this.say(ko, en))}`)
  }

  line(ko: string, en: string): void {
    this.#footer.line(`${this.#elapsed()}  ${this.say(ko, en)}`)
  }

  /** A line without time: tables, commands. */
  plain(text = ''): void {
    this.#footer.line(text)
  }

  /** What is going on now; replaced by the next one. Only on a terminal: elsewhere the lines are enough. */
  status(ko: string, en: string): void {
    if (this.#screen.isTTY === true)
      this.#footer.show([paint('dim', `${this.#elapsed()}  ${this.say(ko, en)}`)])
  }

  say(ko: string, en: string): string {
    return this.language === 'ko' ? ko : en
  }

  text(text: Localized | string): string {
    return inLanguage(text, this.language)
  }

  close(): void {
    this.#footer.close()
  }

  #elapsed(): string {
    const seconds = (Date.now() - this.#began) / 1000
    return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, '0')}`.padStart(7)
  }
}
