import { Resolver } from 'node:dns/promises'

/** An ordinary stub resolver: the servers in their order, the next one when one does not answer, answers kept for their TTL. */
export class Names {
  readonly #resolver = new Resolver({ timeout: 700, tries: 1 })
  readonly #known = new Map<string, { address: string; until: number }>()

  constructor(servers: readonly string[]) {
    this.#resolver.setServers(servers)
  }

  /** The IPv4 address of a name. Rejects when no server answers, or when the name has none. */
  async addressOf(name: string): Promise<string> {
    const known = this.#known.get(name)
    if (known !== undefined && known.until > Date.now()) return known.address
    const [answer] = await this.#resolver.resolve4(name, { ttl: true })
    if (answer === undefined) throw new Error(`${name} has no address`)
    this.#known.set(name, { address: answer.address, until: Date.now() + answer.ttl * 1000 })
    return answer.address
  }
}
