import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach } from 'vitest'

/** What took place at the server: a request under an Idempotency-Key that it had not seen, or one without a key. */
export interface LedgerEntry {
  key: string | null
  method: string
  path: string
  body: unknown
}

/**
 * A web service on loopback that does each request once under its Idempotency-Key, and gives a record of it at
 * `PATH/KEY`. Everything that it is asked is in `requests`, every effect in `ledger`.
 */
export interface EffectServer {
  url: string
  ledger: LedgerEntry[]
  requests: { method: string; path: string; headers: IncomingMessage['headers'] }[]
  /** What becomes of the next changing requests; `lose`: done, and the connection closed instead of answered. */
  next: ('answer' | 'lose' | { status: number })[]
  /** Status of every look-up, when set. */
  lookUpStatus: number | undefined
  close(): Promise<void>
}

/** One before each test of the file. The object stays the same; what is in it begins anew. */
export function effectServerPerTest(): EffectServer {
  const current = {} as EffectServer
  beforeEach(() => startEffectServer(current))
  afterEach(() => current.close())
  return current
}

async function startEffectServer(made: EffectServer): Promise<void> {
  const server = createServer((request, response) => void serve(made, request, response))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  Object.assign(made, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ledger: [],
    requests: [],
    next: [],
    lookUpStatus: undefined,
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  } satisfies EffectServer)
}

async function serve(made: EffectServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url: path = '', headers } = request
  made.requests.push({ method, path, headers })
  const answer = (status: number, body: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (method === 'GET' || method === 'HEAD') {
    const entry = made.ledger.find((one) => one.key !== null && path === `${one.path}/${one.key}`)
    if (made.lookUpStatus !== undefined) return void answer(made.lookUpStatus, { why: 'as told' })
    return void answer(entry === undefined ? 404 : 200, entry ?? { why: 'no such effect' })
  }
  const text = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
  const fate = made.next.shift() ?? 'answer'
  if (typeof fate === 'object') return void answer(fate.status, { why: 'as told' })
  const key = (headers['idempotency-key'] as string | undefined) ?? null
  const known = key !== null && made.ledger.some((entry) => entry.key === key)
  if (!known)
    made.ledger.push({ key, method, path, body: text === '' ? null : (JSON.parse(text) as unknown) })
  if (fate === 'lose') request.socket.destroy()
  else answer(known ? 200 : 201, { key })
}

/** The record of a server as lines: each effect by its number, and each kind of request that could change something. */
export function changesAt({ ledger, requests }: EffectServer): string[] {
  const asked = requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')
  return [
    ...ledger.map((entry, at) => `effect ${at + 1}: ${JSON.stringify(entry)}`),
    ...asked.map(({ method, path, headers }) => `${method} ${path} ${String(headers['idempotency-key'])}`),
  ]
}
