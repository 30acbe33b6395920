import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import { z } from 'zod'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { NoAnswer, within } from '#platform/no-answer.ts'

export interface PeerAddress {
  site: string
  url: string
  caFile: string
  certFile: string
  keyFile: string
}

const status = z.object({
  site: z.string(),
  version: z.string(),
  now: z.string(),
  startedAt: z.string(),
  ready: z.boolean(),
  catalogue: z.string().optional(),
  systems: z.array(z.object({ system: z.string(), health: z.string(), activeSite: z.string().nullable() })),
})
const authority = z.object({
  site: z.string(),
  authorities: z.array(
    z.object({
      system: z.string(),
      epoch: z.number().int().positive(),
      site: z.string(),
      runId: z.string().nullable(),
    }),
  ),
})
export type PeerStatusReply = z.infer<typeof status>
export type PeerAuthorityReply = z.infer<typeof authority>

/** Thrown when the peer's host refused the connection: it lives, its daemon does not. */
export class PeerRefused extends Error {
  constructor(site: string, why: string) {
    super(`the host of ${site} lives, its daemon does not listen: ${why}`)
    this.name = 'PeerRefused'
  }
}

export interface PeerClient {
  readonly site: string
  /** Each throws NoAnswer on silence, PeerRefused on a refused connection, Error on an answer that is none. */
  status(signal: AbortSignal): Promise<PeerStatusReply>
  authority(signal: AbortSignal): Promise<PeerAuthorityReply>
  close(): Promise<void>
}

/**
 * A client of the peer site's daemon, both sides shown by certificate. Each call with a deadline.
 * Throws HaetaeError `config-unreadable` when a certificate cannot be read.
 */
export function peerClient(address: PeerAddress, deadlineMs = 900): PeerClient {
  const agent = new Agent({
    connections: 2,
    pipelining: 1,
    keepAliveTimeout: 10_000,
    connect: {
      ca: pem(address.caFile),
      cert: pem(address.certFile),
      key: pem(address.keyFile),
      timeout: deadlineMs,
    },
  })
  async function get<T extends { site: string }>(
    path: string,
    shape: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const url = new URL(path, address.url)
    const answer = await send(agent, url, address.site, within(deadlineMs, signal))
    if (answer.status !== 200) {
      throw new Error(`the daemon of ${address.site} answered ${answer.status}: ${answer.text.slice(0, 200)}`)
    }
    const said = shape.parse(JSON.parse(answer.text))
    // A wrong address could lead to this very daemon, and a lost site would seem to live for ever.
    if (said.site === address.site) return said
    throw new Error(`the daemon at ${address.url} says that it is ${said.site}'s, not ${address.site}'s`)
  }
  return {
    site: address.site,
    status: (signal) => get('/peer/status', status, signal),
    authority: (signal) => get('/peer/authority', authority, signal),
    close: () => agent.destroy(),
  }
}

async function send(
  agent: Agent,
  url: URL,
  site: string,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  try {
    return await beforeEnd(answerOf(request(url, { dispatcher: agent, signal })), signal)
  } catch (error) {
    if (signal.aborted) throw new NoAnswer(`the daemon of ${site}`, signal.reason)
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
    if (silences.has(code)) throw new NoAnswer(`the daemon of ${site}`, error)
    if (code === 'ECONNREFUSED' || code === 'ECONNRESET') throw new PeerRefused(site, code)
    throw new Error(`something answers for the daemon of ${site}, but not it: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** Only these are silence. A bad certificate, say, was shown by something that lives. */
const silences = new Set([
  ...['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN'],
  ...['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_ABORTED'],
])

async function answerOf(asked: ReturnType<typeof request>): Promise<{ status: number; text: string }> {
  const response = await asked
  return { status: response.statusCode, text: await response.body.text() }
}

/**
 * undici does not end a request that still waits for a connection: looks at a dead peer would stand in line behind
 * each other, one connection timeout after another. Nobody waits for those here.
 */
async function beforeEnd<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined)
  signal.throwIfAborted()
  const ended = Promise.withResolvers<never>()
  const end = (): void => ended.reject(signal.reason)
  signal.addEventListener('abort', end, { once: true })
  try {
    return await Promise.race([work, ended.promise])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

function pem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HaetaeError('config-unreadable', 'a certificate for the peer', {
      where: file,
      why: messageOf(cause),
      remedy: 'Correct the paths under peers, or make the file readable for the daemon.',
      cause,
    })
  }
}
