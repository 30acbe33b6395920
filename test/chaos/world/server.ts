import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Plan } from '#plan/plan.ts'
import type { Random } from '../../sim/world/random.ts'
import type { EffectLedger } from './effects.ts'

/** A run that an operator has requested: processes begin it as long as it is not there. */
export interface Declared {
  id: string
  plan: Plan
}

/** What the target of a change checks: the version that was seen, a key, or nothing. */
export type When = number | 'once for its key' | 'always'

export interface ChangeRequest {
  run: string
  thing: string
  when: When
  key: string
  by: string
  epoch: number | null
}

export interface Seen {
  version: number
  keys: string[]
}

type Fault = 'lost before' | 'lost after' | 'late' | 'hangs' | 'says no'
const faults: readonly Fault[] = ['lost before', 'lost after', 'late', 'hangs', 'says no']
/** How late a late request lands: after whoever sent it has given up. */
const lateMs = 4_000
const longestMs = 200

/**
 * The outside that the steps of the chaos act on, in a process that is never killed. Requests take time on their way
 * in and out, and some are lost, late or refused, so that a killed process leaves every kind of doubt behind.
 */
export class WorldServer {
  readonly socket: string
  /** Which run works on a system, for what is asked over HTTP: its body names the system and the step. */
  readonly runOf = new Map<string, string>()
  readonly declared: Declared[] = []
  /** Proofs of assumptions, by run and node. */
  readonly proofs: { run: string; node: string | null; at: number }[] = []
  /** Requests that have arrived and may still change something. */
  onTheWay = 0
  /**
   * Told at the moments that hurt most: a request is there, its effect is there and nobody was told. `by` is empty where
   * a request does not say whose it is.
   */
  trap: ((moment: 'arrived' | 'landed', by: string) => void) | undefined
  readonly #effects: EffectLedger
  readonly #random: Random
  readonly #things = new Map<string, Seen>()
  #faultsLeft = 10
  #server: Server | undefined

  constructor(socket: string, effects: EffectLedger, random: Random) {
    this.socket = socket
    this.#effects = effects
    this.#random = random
  }

  /** On the socket, or with `loopback` as a web service; returns its address then. */
  async listen(loopback = false): Promise<string> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch(() => request.destroy())
    })
    this.#server = server
    await new Promise<void>((done, fail) => {
      server.once('error', fail)
      if (loopback) server.listen(0, '127.0.0.1', done)
      else server.listen(this.socket, done)
    })
    return loopback ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : this.socket
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections()
    await new Promise((done) => this.#server?.close(done))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const body = (text === '' ? null : JSON.parse(text)) as unknown
    if (request.url === '/declared') return reply(response, 200, this.declared)
    await sleep(this.#random.below(longestMs / 4))
    const change = this.#changeOf(request, body)
    const fault = this.#fault(change === undefined ? 0.04 : 0.25)
    if (change !== undefined) return this.#change(change, response, fault)
    // Looking changes nothing: a fault before and one after are the same.
    if (fault === 'hangs') return
    if (fault === 'says no') return reply(response, 500, 'not now')
    if (fault !== undefined) return void response.destroy()
    const known = /^\/effects\/(.+)$/.exec(request.url ?? '')?.[1]
    if (known !== undefined) return reply(response, this.#happened(known) ? 200 : 404, {})
    if (request.url === '/see') return reply(response, 200, this.#see((body as { thing: string }).thing))
    this.proofs.push({ ...(body as { run: string; node: string | null }), at: Date.now() })
    return reply(response, 200, [])
  }

  async #change(change: ChangeRequest, response: ServerResponse, fault: Fault | undefined): Promise<void> {
    if (fault === 'hangs') return
    if (fault === 'says no') return reply(response, 500, 'not now')
    if (fault === 'lost before') return void response.destroy()
    this.onTheWay += 1
    this.trap?.('arrived', change.by)
    try {
      if (fault === 'late') response.destroy()
      await sleep(fault === 'late' ? lateMs : this.#random.below(longestMs))
      const refused = this.#land(change)
      this.trap?.('landed', change.by)
      await sleep(this.#random.below(longestMs))
      if (fault === 'lost after') response.destroy()
      else if (refused === undefined) reply(response, 200, { version: 1 })
      else reply(response, 409, refused)
    } finally {
      this.onTheWay -= 1
    }
  }

  /** What a request changes: as the steps of the chaos ask, or as `http.call` does, once for its Idempotency-Key. */
  #changeOf({ url, method, headers }: IncomingMessage, body: unknown): ChangeRequest | undefined {
    if (url === '/change') return body as ChangeRequest
    if (url !== '/effects' || method !== 'POST') return undefined
    const { system, step } = body as { system: string; step: string }
    const run = this.runOf.get(system) ?? system
    const key = String(headers['idempotency-key'])
    return { run, thing: `${run}/${system}/${step}`, when: 'once for its key', key, by: '', epoch: null }
  }

  #happened(key: string): boolean {
    return [...this.#things.values()].some(({ keys }) => keys.includes(key))
  }

  /** Changes a thing as its check allows; returns why not. */
  #land({ run, thing, when, key, by, epoch }: ChangeRequest): string | undefined {
    const now = this.#see(thing)
    if (when === 'once for its key' && now.keys.includes(key)) return undefined
    if (typeof when === 'number' && now.version !== when) return `version is ${now.version}, not ${when}`
    this.#effects.append({ run, node: thing.slice(run.length + 1), key, by, epoch, at: Date.now() })
    this.#things.set(thing, { version: now.version + 1, keys: [...now.keys, key] })
    return undefined
  }

  #see(thing: string): Seen {
    return this.#things.get(thing) ?? { version: 0, keys: [] }
  }

  #fault(chance: number): Fault | undefined {
    if (this.#faultsLeft === 0 || !this.#random.chance(chance)) return undefined
    this.#faultsLeft -= 1
    return this.#random.pick(faults)
  }
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
