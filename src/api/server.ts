import type { ServerOptions } from 'node:https'
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { Pool } from 'pg'
import type { z } from 'zod'
import { HaetaeError } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import type { RecordAccess, Session, Sessions } from '#people/sessions.ts'
import { authorise, tokenOf, type Caller, type Guard } from './authorise.ts'
import { contract, type RouteShape } from './contract.ts'
import { handlersOf, type Call, type JsonRoute } from './handlers.ts'
import { once } from './idempotency.ts'
import { sendProblem } from './problem.ts'
import { routeHead, routes, type RouteName } from './routes.ts'
import { seq } from './schema/common.ts'
import type { Services } from './services.ts'
import { streamRun } from './stream.ts'

export interface ApiOptions {
  services: Services
  sessions: Sessions
  /** Who was refused, for the ledger. */
  record: RecordAccess
  pool: Pool
  clock: Pick<Clock, 'now'>
  /** A pino logger; silent without one. */
  log?: FastifyBaseLogger
  /** TLS of the TCP listener: cert, key, and `ca` of the peers. Absent for the Unix socket. */
  tls?: Pick<ServerOptions, 'cert' | 'key' | 'ca'>
}

/**
 * The API as a fastify instance that does not listen yet. A daemon builds two on the same services: with `tls` for
 * TCP, without for its Unix socket. `close()` ends the streams too.
 */
export function buildApi(options: ApiOptions): FastifyInstance {
  const app = createApp(options)
  const guard: Guard = {
    sessions: options.sessions,
    record: options.record,
    peers: options.services.peer.sites,
  }
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply))
  app.setNotFoundHandler((request, reply) =>
    sendProblem(new HaetaeError('route-unknown', `${request.method} ${request.url}`), request, reply),
  )
  const handlers = handlersOf(options.services, options.sessions, options.clock)
  for (const name of Object.keys(routes) as RouteName[]) {
    if (name === 'metrics' || name === 'runEvents' || name === 'readyz') continue
    registerJson(
      app,
      guard,
      options.pool,
      name,
      handlers[name] as (call: Call<JsonRoute>) => Promise<unknown>,
    )
  }
  registerOperation(app, options.services)
  registerEvents(app, guard, options, closing.signal)
  return app
}

function createApp(options: ApiOptions): FastifyInstance {
  const common = {
    bodyLimit: 1024 * 1024,
    // To receive a request, not to answer it: a slow sender must not hold a connection for ever.
    requestTimeout: 30_000,
    forceCloseConnections: true,
    // What cannot even be routed, such as %zz in a path.
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
      void sendProblem(error, request, reply),
    // A HEAD of a stream would stay open and say nothing; nobody needs one elsewhere.
    exposeHeadRoutes: false,
    logController: new LogController({ disableRequestLogging: true }),
    ...(options.log === undefined ? {} : { loggerInstance: options.log }),
  }
  if (options.tls === undefined) return fastify(common)
  // A peer shows a certificate, a person does not: it is asked for, and looked at by the peer routes only.
  const https = {
    ...options.tls,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3' as const,
  }
  return fastify({ ...common, https }) as unknown as FastifyInstance
}

/** A part of the request as the contract reads it. Throws `input-invalid` with the field and why. */
function checked<T extends z.ZodType>(part: string, schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const field = [part, ...(issue?.path ?? [])].join('.')
  throw new HaetaeError('input-invalid', field, {
    where: field,
    why: issue?.message ?? 'it does not fit the contract',
    facts: { issues: result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })) },
  })
}

function registerJson(
  app: FastifyInstance,
  guard: Guard,
  pool: Pool,
  name: JsonRoute,
  handler: (call: Call<JsonRoute>) => Promise<unknown>,
): void {
  const head = routeHead(name)
  const shape: RouteShape = contract[name]
  app.route({
    method: head.method,
    url: head.path,
    handler: async (request, reply) => {
      const caller = await authorise(guard, head, request)
      const call = {
        params: checked('params', shape.params, request.params),
        query: checked('query', shape.query, request.query),
        body: checked('body', shape.body, request.body ?? undefined),
        session: () => sessionOf(caller),
        token: tokenOf(request),
      } as Call<JsonRoute>
      const needsKey = head.method === 'POST' && head.withoutKey !== true
      const answer = needsKey
        ? await once(
            pool,
            {
              principal: sessionOf(caller).principal,
              key: headerOf(request, 'idempotency-key'),
              route: `${request.method} ${request.url}`,
              body: request.body,
            },
            () => handler(call),
          )
        : await handler(call)
      return reply.type('application/json').send(JSON.stringify(answer))
    },
  })
}

function sessionOf(caller: Caller): Session {
  if (caller.kind === 'person') return caller.session
  throw new HaetaeError('session-missing', 'this call')
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** What machines ask: readiness with its status, and metrics as text. */
function registerOperation(app: FastifyInstance, services: Services): void {
  app.get(routes.readyz.path, async (_request, reply) => {
    const found = await services.daemon.ready()
    return reply.status(found.ready ? 200 : 503).send(found)
  })
  app.get(routes.metrics.path, async (_request, reply) => {
    const text = await services.daemon.metrics()
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text)
  })
}

function registerEvents(app: FastifyInstance, guard: Guard, options: ApiOptions, closing: AbortSignal): void {
  const head = routeHead('runEvents')
  const shape = contract.runEvents
  const { runs } = options.services
  // A stream is out of fastify's hands: closing waits for each to let go of the database.
  const open = new Set<Promise<void>>()
  app.addHook('onClose', () => Promise.all(open).then(() => undefined))
  app.get(head.path, async (request, reply) => {
    const session = sessionOf(await authorise(guard, head, request))
    const { run } = checked('params', shape.params, request.params)
    const { from } = checked('query', shape.query, request.query)
    const lastSeen = headerOf(request, 'last-event-id')
    const after =
      lastSeen === undefined ? Math.max(0, from - 1) : checked('header Last-Event-ID', seq, lastSeen)
    // Throws `run-unknown` while an answer with a status can still be given.
    await runs.journal(run, after, 1)
    reply.hijack()
    const response = reply.raw
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    // The stream ends with the session: whoever still may comes back with a new one and loses nothing.
    const over = AbortSignal.timeout(Math.max(1, session.expiresAt - options.clock.now()))
    const streaming = streamRun(runs, run, after, response, AbortSignal.any([closing, gone.signal, over]))
      .catch((error: unknown) => request.log.error({ err: error, run }, 'stream of a run failed'))
      .finally(() => response.end())
    open.add(streaming)
    await streaming
    open.delete(streaming)
  })
}
