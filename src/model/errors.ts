import { catalogue, type ErrorCode } from './error-catalogue.ts'
import type { Localized } from './localized.ts'

export type { ErrorCode }

/** What an error tells besides its code. Values are shown to people: never put a secret in one. */
export interface ErrorDetails {
  /** Where it happened: a file with line and column, a field's path, a host and port. */
  where?: string
  /** Why, in words that the reader can act on; a plain text is English. */
  why?: string | Localized
  /** What to do, when this case knows better than the catalogue. */
  remedy?: string | Localized
  cause?: unknown
  /** Facts for programs (`--json`, problem+json); JSON values only. */
  facts?: Record<string, unknown>
}

/**
 * An error of the catalogue: code, what, where, why, what to do.
 * Everything that a person can see thrown is one of these; anything else is a defect of Haetae.
 */
export class HaetaeError extends Error {
  readonly code: ErrorCode
  /** The subject alone, without the catalogue's sentence: `system ABC`. */
  readonly what: string
  readonly where: string | undefined
  readonly why: string | undefined
  /** Why in Korean, where it was said in both languages. */
  readonly whyKo: string | undefined
  readonly remedy: string
  /** What to do in Korean; undefined where only English was said. */
  readonly remedyKo: string | undefined
  readonly facts: Record<string, unknown>

  /** `what` names the subject ("system ABC", "step promote of GPK"); the catalogue gives the sentence around it. */
  constructor(code: ErrorCode, what: string, details: ErrorDetails = {}) {
    const entry = catalogue[code]
    super(`${entry.en}: ${what}`, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'HaetaeError'
    this.code = code
    this.what = what
    this.where = details.where
    const why = both(details.why)
    this.why = why.en
    this.whyKo = why.ko
    const remedy = both(details.remedy ?? { en: entry.remedy, ko: entry.remedyKo })
    this.remedy = remedy.en ?? entry.remedy
    this.remedyKo = remedy.ko
    this.facts = details.facts ?? {}
  }

  get status(): number {
    return catalogue[this.code].status
  }

  get exitCode(): number {
    return catalogue[this.code].exit
  }

  /** The error as RFC 9457 problem+json, as the API sends it. */
  toProblem(): Problem {
    return {
      type: `urn:haetae:error:${this.code}`,
      code: this.code,
      title: this.message,
      title_ko: `${catalogue[this.code].ko}: ${this.what}`,
      what: this.what,
      status: this.status,
      ...(this.where === undefined ? {} : { where: this.where }),
      ...(this.why === undefined ? {} : { why: this.why }),
      ...(this.whyKo === undefined ? {} : { why_ko: this.whyKo }),
      remedy: this.remedy,
      ...(this.remedyKo === undefined ? {} : { remedy_ko: this.remedyKo }),
      facts: this.facts,
    }
  }
}

export interface Problem {
  type: string
  code: ErrorCode
  title: string
  title_ko: string
  what: string
  status: number
  where?: string
  why?: string
  why_ko?: string
  remedy: string
  remedy_ko?: string
  facts: Record<string, unknown>
}

/** A problem that came from elsewhere, as the error that it was. */
export function fromProblem(problem: Problem): HaetaeError {
  const code: ErrorCode = problem.code
  return new HaetaeError(code, problem.what, {
    ...(problem.where === undefined ? {} : { where: problem.where }),
    ...(problem.why === undefined ? {} : { why: inBoth(problem.why, problem.why_ko) }),
    remedy: inBoth(problem.remedy, problem.remedy_ko),
    facts: problem.facts,
  })
}

function inBoth(en: string, ko: string | undefined): string | Localized {
  return ko === undefined ? en : { en, ko }
}

function both(text: string | Localized | undefined): Partial<Localized> {
  return typeof text === 'string' ? { en: text } : (text ?? {})
}

/** True for an error of the given code, or of any code when none is given. */
export function isHaetaeError(error: unknown, code?: ErrorCode): error is HaetaeError {
  return error instanceof HaetaeError && (code === undefined || error.code === code)
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message || error.name : String(error)).split('\n')[0] ?? ''
}
