import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { openDatabase, type Database } from './database.ts'
import { watchDependencies, type Dependencies } from './dependencies.ts'
import { metricsText } from './metrics.ts'
import { readSettings } from './settings.ts'

/*
 * A government information system as the lab plays it: transactions with an id are stored, acknowledged after
 * commit, and looked up. `POST /transactions {id, payload}`, `GET /transactions/ID`, `GET /health`, `GET /metrics`.
 * A system without a database acknowledges and keeps nothing; `GET /answer` says what it makes of its dependencies.
 */

interface Service {
  system: string
  site: string
  /** null for a system that keeps no data. */
  database: Database | null
  dependencies: Dependencies
  transactions: number
}

const bodyLimit = 64 * 1024

function ready(service: Service): boolean {
  const dependencies = Object.values(service.dependencies.states)
  return service.database?.state.ok !== false && dependencies.every((state) => state.ok)
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

function stateOf({ state: { ok, why } }: Database) {
  return { ok, why }
}

function health(service: Service) {
  return {
    system: service.system,
    site: service.site,
    ready: ready(service),
    ...(service.database === null ? {} : { database: stateOf(service.database) }),
    dependencies: service.dependencies.states,
  }
}

async function readBody(request: IncomingMessage): Promise<{ id: string; payload: unknown }> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > bodyLimit) throw new SyntaxError('the body is too large')
    chunks.push(chunk)
  }
  const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
    id?: unknown
    payload?: unknown
  } | null
  if (typeof body?.id !== 'string' || !/^[\w.:/-]{1,200}$/.test(body.id)) {
    throw new SyntaxError('id must be 1 to 200 letters, digits or . : / - _')
  }
  return { id: body.id, payload: body.payload }
}

/** A transaction needs the database and every hard dependency: without them it is refused, not half done. */
async function postTransaction(service: Service, request: IncomingMessage, response: ServerResponse) {
  if (!ready(service)) return send(response, 503, health(service))
  const { id, payload } = await readBody(request)
  if (service.database === null) {
    service.transactions += 1
    return send(response, 200, { id, stored: false, site: service.site })
  }
  const stored = await service.database.store(id, payload)
  if (stored) service.transactions += 1
  send(response, stored ? 201 : 200, { id, stored, site: service.site })
}

/** A look-up needs the database alone; one in recovery does not answer for the system. */
async function getTransaction(service: Service, id: string, response: ServerResponse) {
  if (service.database === null) return send(response, 404, { id, why: 'nothing is kept here' })
  if (!service.database.state.reads) return send(response, 503, health(service))
  const receivedAt = await service.database.find(id)
  if (receivedAt === undefined) return send(response, 404, { id, why: 'no such transaction' })
  send(response, 200, { id, receivedAt: receivedAt.toISOString(), site: service.site })
}

async function route(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '/'
  if (path === '/metrics') return sendMetrics(service, response)
  if (path === '/health') return send(response, ready(service) ? 200 : 503, health(service))
  if (path === '/answer') return send(response, ready(service) ? 200 : 503, health(service))
  if (path === '/transactions' && request.method === 'POST')
    return postTransaction(service, request, response)
  if (path.startsWith('/transactions/') && request.method === 'GET') {
    return getTransaction(service, decodeURIComponent(path.slice('/transactions/'.length)), response)
  }
  send(response, 404, { why: `there is no ${request.method} ${path}` })
}

function sendMetrics(service: Service, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
  response.end(
    metricsText({
      system: service.system,
      ready: ready(service),
      database: service.database?.state ?? null,
      dependencies: service.dependencies.states,
      transactions: service.transactions,
    }),
  )
}

function handler(service: Service) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    route(service, request, response).catch((error: unknown) => {
      if (response.headersSent) {
        response.destroy()
        return
      }
      const wrong = error instanceof SyntaxError || error instanceof URIError
      send(response, wrong ? 400 : 503, { why: error instanceof Error ? error.message : String(error) })
    })
  }
}

function main(): void {
  const settings = readSettings(process.env)
  const service: Service = {
    system: settings.system,
    site: settings.site,
    database: settings.database === null ? null : openDatabase(settings, settings.database),
    dependencies: watchDependencies(settings.dependencies, settings.tls.ca),
    transactions: 0,
  }
  const serve = handler(service)
  const secure = createHttps({ cert: settings.tls.cert, key: settings.tls.key, requestTimeout: 5000 }, serve)
  const plain = createHttp((request, response) =>
    request.url === '/metrics' || request.url === '/health'
      ? serve(request, response)
      : send(response, 404, { why: 'only /metrics and /health are served without TLS' }),
  )
  secure.listen(settings.port)
  plain.listen(settings.metricsPort)
  const stop = (): void => {
    secure.close()
    plain.close()
    secure.closeAllConnections()
    plain.closeAllConnections()
    service.dependencies.close()
    void Promise.resolve(service.database?.close()).then(() => process.exit(0))
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}

main()
