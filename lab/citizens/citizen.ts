import { Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Names } from './names.ts'
import type { RecordWriter } from './record.ts'

/** How a system is reached. */
export interface Reached {
  id: string
  name: string
  port: number
}

export interface CitizenOptions {
  system: Reached
  names: Names
  ca: string
  perSecond: number
  record: RecordWriter
  /** Begins every id, so that two records never share one. */
  prefix: string
  signal: AbortSignal
}

const answerWithinMs = 3000

/**
 * Submits one transaction after another to a system until the signal aborts. One that is not acknowledged is sent
 * again, with the same id, until it is; one that is acknowledged is written down before the next one is sent.
 */
export async function submitForever(options: CitizenOptions): Promise<void> {
  const { system, record, signal } = options
  const line = new Line(options)
  let away: { since: number; failures: number } | undefined
  for (let number = 1; !signal.aborted; number += 1) {
    const id = `${system.id}-${options.prefix}-${number}`
    const sentAt = Date.now()
    for (;;) {
      const triedAt = Date.now()
      const { address, failure } = await line.submit(id)
      const now = Date.now()
      if (failure === undefined) {
        await record.write({
          kind: 'acknowledged',
          system: system.id,
          id,
          sentAt,
          acknowledgedAt: now,
          address,
        })
        if (away !== undefined) await record.write({ kind: 'back', system: system.id, until: now, ...away })
        away = undefined
      } else if (away === undefined) {
        away = { since: triedAt, failures: 1 }
        await record.write({ kind: 'away', system: system.id, since: triedAt, why: failure })
      } else {
        away.failures += 1
      }
      await pause(1000 / options.perSecond - (Date.now() - triedAt), signal)
      if (failure === undefined || signal.aborted) break
    }
  }
  line.close()
}

/** One kept connection to wherever the name points. */
class Line {
  readonly #options: CitizenOptions
  #agent: Agent
  #address = ''

  constructor(options: CitizenOptions) {
    this.#options = options
    this.#agent = this.#newAgent()
  }

  async submit(id: string): Promise<{ address: string; failure?: string }> {
    try {
      const address = await this.#options.names.addressOf(this.#options.system.name)
      if (address !== this.#address) this.#renew()
      this.#address = address
      const status = await this.#post(address, JSON.stringify({ id, payload: { sentAt: Date.now() } }))
      if (status === 200 || status === 201) return { address }
      return { address, failure: `${address} answered ${status}` }
    } catch (error) {
      this.#renew()
      const why = error instanceof Error ? error.message : String(error)
      return { address: this.#address, failure: `${this.#options.system.name} ${this.#address}: ${why}` }
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #renew(): void {
    this.#agent.destroy()
    this.#agent = this.#newAgent()
  }

  #newAgent(): Agent {
    const { ca, system } = this.#options
    return new Agent({ keepAlive: true, maxSockets: 1, ca, servername: system.name })
  }

  #post(host: string, body: string): Promise<number> {
    const { port, name } = this.#options.system
    return new Promise((resolve, reject) => {
      const headers = {
        host: name,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      }
      const outgoing = request({
        agent: this.#agent,
        host,
        port,
        path: '/transactions',
        method: 'POST',
        headers,
      })
      const late = () => outgoing.destroy(new Error(`no answer in ${answerWithinMs} ms`))
      const timer = setTimeout(late, answerWithinMs)
      const fail = (error: Error) => {
        clearTimeout(timer)
        reject(error)
      }
      outgoing.on('error', fail)
      outgoing.on('response', (response) => {
        response.on('error', fail)
        response.on('end', () => {
          clearTimeout(timer)
          resolve(response.statusCode ?? 0)
        })
        response.resume()
      })
      outgoing.end(body)
    })
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined)
}
