import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../lab/pki.ts'
import { httpClient } from '#platform/http/client.ts'
import { answering } from '#steps/answering.ts'
import { httpCheck } from '#steps/http-check.ts'
import type { CheckInput } from '#steps/inputs.ts'
import { silentServerForFile } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, someTargets } from '../../support/step-contexts.ts'
import { startWebService, type WebService } from '../../support/web-service.ts'

/** The service as the runbook expects one: a transaction is stored once under its id and given back. */
interface Told {
  stored: Map<string, unknown>
  posts: number
  healthy: boolean
  /** Stores, and then closes the connection instead of answering. */
  losesAnswers: boolean
  /** Server names and Host headers that it was asked under. */
  askedAs: Set<string>
}

const service: Told = {
  stored: new Map(),
  posts: 0,
  healthy: true,
  losesAnswers: false,
  askedAs: new Set(),
}
let server: WebService
const silent = silentServerForFile()

beforeAll(async () => {
  server = await startWebService('gpk.gov.test', (request, response) => {
    service.askedAs.add(
      `${(request.socket as TLSSocket & { servername?: string }).servername} ${request.headers.host}`,
    )
    const send = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    const path = request.url ?? ''
    if (path === '/health')
      return send(service.healthy ? 200 : 503, { ready: service.healthy, why: 'AID is away' })
    if (request.method === 'GET') {
      const id = path.split('/').at(-1) ?? ''
      return service.stored.has(id) ? send(200, { id }) : send(404, { why: 'no such transaction' })
    }
    void readJson(request).then(({ id, payload }) => {
      service.posts += 1
      const known = service.stored.has(id)
      service.stored.set(id, payload)
      if (service.losesAnswers) request.socket.destroy()
      else send(known ? 200 : 201, { id })
    })
  })
})
beforeEach(() => {
  service.stored.clear()
  service.askedAs.clear()
  Object.assign(service, { posts: 0, healthy: true, losesAnswers: false })
})
afterAll(async () => {
  await server.close()
})

async function readJson(request: AsyncIterable<Buffer>): Promise<{ id: string; payload: unknown }> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString()) as { id: string; payload: unknown }
}

function targets(port = server.port, caFile = server.caFile) {
  const client = httpClient({ caFile })
  const moved = { address: '127.0.0.1', port }
  return someTargets({
    readers: {
      http: answering({
        get: (target, path, signal) => client.reader.get({ ...target, ...moved }, path, signal),
      }),
    },
    writers: {
      http: answering({
        send: (target, method, path, body, signal) =>
          client.writer.send({ ...target, ...moved }, method, path, body, signal),
      }),
    },
  })
}

function input(): CheckInput {
  return {
    ...{ site: 'gwangju', system: 'GPK', address: '127.0.0.1', port: server.port, name: 'gpk.gov.test' },
    ...{ path: '/transactions', health: '/health' },
  }
}

describe('http.check on a real web service', () => {
  conforms(httpCheck, () =>
    Promise.resolve({
      input: input(),
      targets: targets(),
      written: () => Promise.resolve([...service.stored].map((entry) => JSON.stringify(entry))),
      silent: targets(silent.port),
      state: { transaction: null, found: null, health: null },
    }),
  )

  test('it asks the address under the public name, in TLS and in HTTP', async () => {
    await httpCheck.apply(acting(targets()), input(), { transaction: null, found: null, health: null })
    expect([...service.askedAs]).toEqual([`gpk.gov.test gpk.gov.test:${server.port}`])
  })

  test('a stored transaction whose answer was lost is found again, and not stored twice', async () => {
    service.losesAnswers = true
    const ctx = acting(targets())
    const before = await httpCheck.observe(ctx, input())
    await expect(httpCheck.apply(ctx, input(), before)).rejects.toMatchObject({ name: 'Unreachable' })
    service.losesAnswers = false
    const after = await httpCheck.observe(ctx, input())
    expect(httpCheck.judge(input(), after)).toBe('holds')
    expect(httpCheck.adopt(input(), after).transaction).toBe([...service.stored.keys()][0])
    expect(service.posts).toBe(1)
  })

  test('another run, and another node of the same run, make transactions of their own', async () => {
    const state = { transaction: null, found: null, health: null }
    const ids = [
      await httpCheck.apply(acting(targets(), { runId: 'run-1', nodeId: 'GPK/check' }), input(), state),
      await httpCheck.apply(acting(targets(), { runId: 'run-2', nodeId: 'GPK/check' }), input(), state),
      await httpCheck.apply(acting(targets(), { runId: 'run-1', nodeId: 'AID/check' }), input(), state),
    ]
    expect(new Set(ids.map(({ transaction }) => transaction)).size).toBe(3)
    expect(ids[0]?.transaction).toMatch(/^[\w.:-]{1,100}$/)
  })

  test('an unhealthy service is told with what it says itself, before a transaction is tried', async () => {
    service.healthy = false
    const ctx = acting(targets())
    const failure = httpCheck.apply(ctx, input(), await httpCheck.observe(ctx, input()))
    await expect(failure).rejects.toMatchObject({
      code: 'check-failed',
      why: expect.stringContaining('AID is away') as string,
    })
    expect(service.posts).toBe(0)
  })

  test('a transaction that is there while the service is unhealthy does not hold', async () => {
    const ctx = acting(targets())
    await httpCheck.apply(ctx, input(), await httpCheck.observe(ctx, input()))
    service.healthy = false
    expect(httpCheck.judge(input(), await httpCheck.observe(ctx, input()))).toBe('absent')
  })

  test('a certificate of another name or another authority is no answer', async () => {
    const other = acting(targets())
    await expect(httpCheck.observe(other, { ...input(), name: 'aid.gov.test' })).rejects.toMatchObject({
      name: 'Unreachable',
    })
    const stranger = await createAuthority(server.folder, 'stranger')
    const ctx = acting(targets(server.port, stranger.cert))
    await expect(httpCheck.observe(ctx, input())).rejects.toMatchObject({ name: 'Unreachable' })
  })

  test('a port where nobody listens is no answer, with the reason', async () => {
    const closed = acting(targets(1))
    await expect(httpCheck.observe(closed, input())).rejects.toMatchObject({
      reason: expect.stringContaining('ECONNREFUSED') as string,
    })
  })
})
