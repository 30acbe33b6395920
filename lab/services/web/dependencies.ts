import { Resolver } from 'node:dns/promises'
import { Agent, request } from 'node:https'
import type { DependencyName } from './settings.ts'

export interface DependencyState {
  ok: boolean
  why: string
}

export interface Dependencies {
  readonly states: Readonly<Record<string, DependencyState>>
  close(): void
}

const everyMs = 500
const timeoutMs = 1500
/** A look-up of an id that nobody has: the answer 404 comes from the other system's database, as 200 would. */
const lookup = '/transactions/health-lookup'

/**
 * Asks every hard dependency about twice a second, each by a real look-up over HTTPS through its DNS name, and
 * remembers the answers: no state is older than `everyMs + timeoutMs`.
 */
export function watchDependencies(names: DependencyName[], ca: string): Dependencies {
  const states: Record<string, DependencyState> = {}
  const addresses = new Addresses()
  let closed = false
  for (const { id, name } of names) {
    states[id] = { ok: false, why: 'not asked yet' }
    void (async () => {
      const target = new Target(name, ca, addresses)
      while (!closed) {
        const why = await target.ask()
        states[id] = { ok: why === '', why }
        await new Promise((resolve) => setTimeout(resolve, everyMs))
      }
      target.close()
    })()
  }
  return { states, close: () => (closed = true) }
}

/** IPv4 addresses of names, kept for their TTL. Node itself caches none. */
class Addresses {
  readonly #resolver = new Resolver({ timeout: 700, tries: 2 })
  readonly #known = new Map<string, { address: string; until: number }>()

  async of(name: string): Promise<string> {
    const known = this.#known.get(name)
    if (known !== undefined && known.until > Date.now()) return known.address
    const [answer] = await this.#resolver.resolve4(name, { ttl: true })
    if (answer === undefined) throw new Error(`${name} has no address`)
    this.#known.set(name, { address: answer.address, until: Date.now() + answer.ttl * 1000 })
    return answer.address
  }
}

class Target {
  #agent: Agent
  #address = ''
  readonly #name: string
  readonly #ca: string
  readonly #addresses: Addresses

  constructor(name: string, ca: string, addresses: Addresses) {
    this.#name = name
    this.#ca = ca
    this.#addresses = addresses
    this.#agent = this.#newAgent()
  }

  /** Why the dependency cannot be used, or an empty text when it answered. */
  async ask(): Promise<string> {
    try {
      const address = await this.#addresses.of(this.#name)
      if (address !== this.#address) this.#forget(address)
      const status = await this.#get(address)
      return status === 200 || status === 404 ? '' : `${this.#name} answered ${status}`
    } catch (error) {
      this.#forget(this.#address)
      return `${this.#name} does not answer: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Drops kept connections: the name points elsewhere now, or the old address went silent. */
  #forget(address: string): void {
    this.#agent.destroy()
    this.#agent = this.#newAgent()
    this.#address = address
  }

  #newAgent(): Agent {
    return new Agent({ keepAlive: true, maxSockets: 1, ca: this.#ca, servername: this.#name })
  }

  #get(host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        agent: this.#agent,
        host,
        port: 443,
        path: lookup,
        headers: { host: this.#name },
      })
      const timer = setTimeout(() => outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs)
      outgoing.on('response', (response) => {
        response.resume()
        response.on('end', () => {
          clearTimeout(timer)
          resolve(response.statusCode ?? 0)
        })
        response.on('error', reject)
      })
      outgoing.on('error', (error) => {
        clearTimeout(timer)
        reject(error)
      })
      outgoing.end()
    })
  }
}
