import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BodyInputOf, ParamsOf, QueryInputOf, ReplyOf } from '#api/contract.ts'
import { routeHead, type RouteName } from '#api/routes.ts'
import { catalogue } from '#model/error-catalogue.ts'
import { fromProblem, HaetaeError, isHaetaeError, type Problem } from '#model/errors.ts'
import { sessionStatement } from '#people/session-statement.ts'
import { addressOf, identityOf, type Context, type SiteAddress, signingOf, type Signing } from './context.ts'
import { forgetSession, readSession, signWith, writeSession } from './session.ts'
import { AnswerLost, bodyOf, placeOf, send } from './transport.ts'

/** What a call takes: the parts that the contract has for the route. */
export interface CallInput<N extends RouteName> {
  params?: ParamsOf<N>
  query?: QueryInputOf<N>
  body?: BodyInputOf<N>
}

export interface ClientOptions {
  context: Context
  site?: string | undefined
  as?: string | undefined
}

const timeoutMs = 30_000
const triesAfterLoss = 3

/** A typed client of one site's daemon, which signs in by itself. */
export class Client {
  readonly site: string
  readonly context: Context
  readonly #address: SiteAddress
  readonly #as: string | undefined

  /** Throws `site-unknown` when the context does not know the site. */
  constructor(options: ClientOptions) {
    this.context = options.context
    this.site = options.site ?? options.context.defaultSite
    this.#address = addressOf(options.context, this.site)
    this.#as = options.as
  }

  /** Where this client's requests go, for messages. */
  get place(): string {
    return placeOf(this.#address)
  }

  /** Who calls, and with which key. Throws `key-unusable`. */
  get identity(): { principal: string; keyFile: string } {
    return identityOf(this.context, this.#as)
  }

  /** The same, and the installation that a statement names. Throws `context-invalid` where the context names none. */
  get signing(): Signing {
    return signingOf(this.context, this.#as)
  }

  /**
   * Calls a route. A lost answer is asked for again, a POST with the same Idempotency-Key. Throws the HaetaeError
   * that the daemon answered with, `daemon-unreachable` when none answers, `key-unusable` when it cannot sign in.
   */
  async call<N extends RouteName>(name: N, input: CallInput<N> = {}): Promise<ReplyOf<N>> {
    const key = randomUUID()
    for (let attempt = 1; ; attempt += 1) {
      try {
        const response = await this.open(name, input, { key })
        return JSON.parse(await bodyOf(response)) as ReplyOf<N>
      } catch (error) {
        if (!(error instanceof AnswerLost)) throw error
        if (attempt >= triesAfterLoss) throw this.#lost(error)
        await sleep(300 * attempt)
      }
    }
  }

  /**
   * Opens a route and returns the head of a successful answer; signs in (again) when the session is over.
   * For streams; `call` for the rest.
   */
  async open<N extends RouteName>(
    name: N,
    input: CallInput<N>,
    how: { key?: string; signal?: AbortSignal } = {},
  ): Promise<IncomingMessage> {
    const needsSession = Array.isArray(routeHead(name).access)
    const first = await this.#send(name, input, how, needsSession ? await this.#token() : undefined)
    if (isGood(first)) return first
    const problem = await this.#problemOf(first)
    if (!needsSession || (problem.code !== 'session-expired' && problem.code !== 'session-missing'))
      throw problem
    forgetSession(this.context, this.site, this.identity.principal)
    const second = await this.#send(name, input, how, await this.#token())
    if (isGood(second)) return second
    throw await this.#problemOf(second)
  }

  async #send<N extends RouteName>(
    name: N,
    input: CallInput<N>,
    how: { key?: string; signal?: AbortSignal },
    token: string | undefined,
  ): Promise<IncomingMessage> {
    const head = routeHead(name)
    const body = head.method === 'POST' ? JSON.stringify(input.body ?? {}) : undefined
    return send(this.site, this.#address, {
      method: head.method,
      path: pathOf(head.path, input.params ?? {}, input.query ?? {}),
      timeoutMs,
      headers: {
        host: 'haetae',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(head.method === 'POST' && head.withoutKey !== true && how.key
          ? { 'idempotency-key': how.key }
          : {}),
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
      },
      ...(body === undefined ? {} : { body }),
      ...(how.signal === undefined ? {} : { signal: how.signal }),
    })
  }

  /** The cached token, or a new one for a signed challenge. */
  async #token(): Promise<string> {
    const { principal, keyFile } = this.identity
    const cached = readSession(this.context, this.site, principal)
    if (cached !== undefined) return cached.token
    const asked = await this.call('challenge')
    // A daemon could hand on a challenge of another site, and sign in there with what is signed here.
    if (asked.site !== this.site) throw this.#otherSite(asked.site)
    const bytes = sessionStatement(this.site, principal, asked.challenge)
    const signature = await signWith(keyFile, principal, 'haetae-session', bytes)
    const session = await this.call('signIn', { body: { principal, challenge: asked.challenge, signature } })
    writeSession(this.context, this.site, principal, {
      token: session.token,
      expiresAt: Date.parse(session.expiresAt),
    })
    return session.token
  }

  #otherSite(site: string): HaetaeError {
    return new HaetaeError('context-invalid', `site ${this.site}`, {
      where: `${this.context.file}: sites.${this.site}`,
      why: {
        en: `the daemon at ${this.place} says that it is of site ${site}; nothing was signed`,
        ko: `${this.place}의 데몬은 ${site} 센터의 것이라고 답했습니다. 아무것도 서명하지 않았습니다`,
      },
      remedy: {
        en: `Correct the address of ${this.site} in the context, or name the other site with --site.`,
        ko: `컨텍스트에서 ${this.site}의 주소를 바로잡거나 --site로 다른 센터를 지정하십시오.`,
      },
    })
  }

  /** The error that an answer carries; where it names no place, the daemon that answered is the place. */
  async #problemOf(response: IncomingMessage): Promise<HaetaeError> {
    const where = `${this.site} (${this.place})`
    const text = await bodyOf(response)
    try {
      const problem = JSON.parse(text) as Problem
      if (problem.code in catalogue) return fromProblem({ where, ...problem })
      return new HaetaeError('defect', problem.title, {
        where,
        why: `the daemon answered with ${problem.code}`,
      })
    } catch (error) {
      if (isHaetaeError(error)) throw error
      return new HaetaeError('defect', `status ${response.statusCode}`, { where, why: text.slice(0, 300) })
    }
  }

  #lost(error: AnswerLost): HaetaeError {
    return new HaetaeError('daemon-unreachable', `site ${this.site}`, {
      where: this.place,
      why: {
        en: `${error.message}; whether the request was carried out is not known`,
        ko: `응답을 받지 못했습니다. 요청이 수행되었는지 알 수 없습니다 (${error.message})`,
      },
      remedy: {
        en: 'Look first (`haetae run list`), then repeat the command if it did not happen.',
        ko: '먼저 `haetae run list`로 확인하고, 수행되지 않았으면 다시 실행하십시오.',
      },
      cause: error,
    })
  }
}

function isGood(response: IncomingMessage): boolean {
  return response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300
}

function pathOf(path: string, params: object, query: object): string {
  const values = params as Record<string, unknown>
  const filled = path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(values[name])))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value))
  }
  const text = search.toString()
  return text === '' ? filled : `${filled}?${text}`
}
