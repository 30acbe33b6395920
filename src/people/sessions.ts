import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { HaetaeError, isHaetaeError } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import { isValidAt, type Roster } from './roster.ts'
import type { Role } from './roles.ts'
import { sessionStatement } from './session-statement.ts'
import { proveSigner } from './signatures.ts'

const challengeMs = 60_000
const sessionMs = 3_600_000
/** Open sessions of one person; with more, the oldest ends: whoever loops on sign-in crowds out nobody else. */
const sessionsAtMost = 50
/** Refused sign-ins that are recorded in a minute: a ledger keeps everything for ever, and anybody may knock. */
const refusalsAtMost = 60
const refusalsWithinMs = 60_000

/** Who calls, proven by a key. */
export interface Session {
  principal: string
  roles: readonly Role[]
  /** Fingerprint of the key that signed in. */
  fingerprint: string
  expiresAt: number
}

/** A fact about sign-in or authorisation for the audit ledger; people cannot import ledger, daemon wires it. */
export interface AccessRecord {
  kind: 'session.opened' | 'session.refused' | 'access.refused'
  /** Who it is said to be; nobody has proven it when it was refused. */
  actor: string
  subject: string
  detail: Record<string, string>
}

export type RecordAccess = (record: AccessRecord) => Promise<void>

export interface SessionsOptions {
  roster: Roster
  site: string
  clock: Pick<Clock, 'now'>
  record: RecordAccess
}

/**
 * Challenges and sessions, in the memory of this process: they end when the daemon does, and whoever holds a key
 * signs in again by itself. Tokens are kept as SHA-256 only.
 */
export class Sessions {
  readonly #options: SessionsOptions
  /** A challenge carries its own end under this key: asking for many takes no memory, and crowds out nobody's. */
  readonly #secret = randomBytes(32)
  /** Challenges that opened a session → when they end. */
  readonly #spent = new Map<string, number>()
  /** SHA-256 of a token → its session. */
  readonly #sessions = new Map<string, Session>()
  /** Refusals recorded since a moment, and how many since the last recorded one were not. */
  readonly #refusals = { since: Number.NEGATIVE_INFINITY, recorded: 0, dropped: 0 }

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** A fresh challenge, good for one session, for a minute. */
  challenge(): { challenge: string; site: string; expiresAt: string } {
    const now = this.#options.clock.now()
    this.#sweep(now)
    const ends = now + challengeMs
    const head = `${ends.toString(36)}.${randomBytes(18).toString('base64url')}`
    return { challenge: `${head}.${this.#mark(head)}`, site: this.#options.site, expiresAt: instant(ends) }
  }

  #mark(head: string): string {
    return createHmac('sha256', this.#secret).update(head).digest('base64url')
  }

  /** When a challenge of ours ends; undefined when it is not ours. */
  #endOf(challenge: string): number | undefined {
    const head = challenge.slice(0, challenge.lastIndexOf('.'))
    const mark = Buffer.from(challenge.slice(head.length + 1))
    const own = Buffer.from(this.#mark(head))
    if (mark.length !== own.length || !timingSafeEqual(mark, own)) return undefined
    return Number.parseInt(head, 36)
  }

  /**
   * A signed challenge for a session of one hour. Throws `challenge-unknown` (used, late or not ours),
   * `principal-unknown`, `key-unknown`, `key-expired`, `signature-invalid`; a refusal is recorded, or counted when
   * there are too many.
   */
  async signIn(request: {
    principal: string
    challenge: string
    signature: string
  }): Promise<{ token: string; session: Session }> {
    try {
      const opened = await this.#open(request)
      const { principal, fingerprint } = opened.session
      await this.#options.record({
        kind: 'session.opened',
        actor: principal,
        subject: this.#options.site,
        detail: { key: fingerprint },
      })
      this.#makeRoom(principal)
      this.#sessions.set(hashOf(opened.token), opened.session)
      return opened
    } catch (error) {
      if (isHaetaeError(error)) await this.#recordRefusal(request.principal, error)
      throw error
    }
  }

  async #recordRefusal(actor: string, error: HaetaeError): Promise<void> {
    const refusals = this.#refusals
    const now = this.#options.clock.now()
    // Also after the clock was set back.
    if (Math.abs(now - refusals.since) >= refusalsWithinMs)
      Object.assign(refusals, { since: now, recorded: 0 })
    if (refusals.recorded >= refusalsAtMost) {
      refusals.dropped += 1
      return
    }
    const notRecorded = refusals.dropped
    refusals.recorded += 1
    refusals.dropped = 0
    await this.#options.record({
      kind: 'session.refused',
      actor,
      subject: this.#options.site,
      detail: {
        code: error.code,
        why: error.why ?? error.what,
        ...(notRecorded === 0 ? {} : { notRecorded: String(notRecorded) }),
      },
    })
  }

  async #open(request: { principal: string; challenge: string; signature: string }) {
    const { clock, roster, site } = this.#options
    const now = clock.now()
    const ends = this.#endOf(request.challenge)
    if (ends === undefined || ends <= now || this.#spent.has(request.challenge))
      throw new HaetaeError('challenge-unknown', 'the challenge')
    const { principal, key } = await proveSigner(
      roster,
      {
        namespace: 'haetae-session',
        bytes: sessionStatement(site, request.principal, request.challenge),
        signature: request.signature,
        principal: request.principal,
      },
      now,
    )
    // Proving took a moment, and the same challenge may have been spent meanwhile.
    if (this.#spent.has(request.challenge)) throw new HaetaeError('challenge-unknown', 'the challenge')
    this.#spent.set(request.challenge, ends)
    const token = randomBytes(32).toString('base64url')
    const expiresAt = Math.min(now + sessionMs, key.validUntil)
    const session: Session = {
      principal: principal.id,
      roles: principal.roles,
      fingerprint: key.fingerprint,
      expiresAt,
    }
    return { token, session }
  }

  /**
   * The session of a token. Throws `session-missing` without one, `session-expired` when it is unknown or over,
   * or when its key left the roster or ended meanwhile.
   */
  authenticate(token: string | undefined): Session {
    if (token === undefined || token === '') throw new HaetaeError('session-missing', 'this call')
    const now = this.#options.clock.now()
    const session = this.#sessions.get(hashOf(token))
    const owner = session && this.#options.roster.findByFingerprint(session.fingerprint)
    if (session === undefined || session.expiresAt <= now || !owner || !isValidAt(owner.key, now)) {
      this.#sessions.delete(hashOf(token))
      throw new HaetaeError('session-expired', 'this call')
    }
    return session
  }

  /** Ends a session; an unknown token is no error. */
  signOut(token: string): void {
    this.#sessions.delete(hashOf(token))
  }

  #makeRoom(principal: string): void {
    const own = [...this.#sessions].filter(([, session]) => session.principal === principal)
    for (const [hash] of own.slice(0, Math.max(0, own.length - sessionsAtMost + 1)))
      this.#sessions.delete(hash)
  }

  #sweep(now: number): void {
    for (const [challenge, ends] of this.#spent) if (ends <= now) this.#spent.delete(challenge)
    for (const [hash, session] of this.#sessions) if (session.expiresAt <= now) this.#sessions.delete(hash)
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
