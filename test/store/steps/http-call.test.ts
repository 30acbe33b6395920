import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { serviceClient, type Service } from '#platform/http/services.ts'
import { PreconditionRefused, Unreachable } from '#runbook/step-type.ts'
import { answering } from '#steps/answering.ts'
import { callInput, httpCall, type CallInput } from '#steps/http-call.ts'
import { createAuthority } from '../../../lab/pki.ts'
import { changesAt, effectServerPerTest } from '../../support/effect-server.ts'
import { silentServerForFile } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, planning, someTargets } from '../../support/step-contexts.ts'
import { startWebService } from '../../support/web-service.ts'

const server = effectServerPerTest()
const silent = silentServerForFile()

function targets(...services: Service[]) {
  const client = serviceClient(services.length > 0 ? services : [{ url: server.url }])
  return someTargets({
    readers: { services: answering(client.reader) },
    writers: { services: answering(client.writer) },
  })
}

function input(more: Partial<CallInput> = {}): CallInput {
  return callInput.parse({
    ...{ url: server.url, path: '/orders', body: { what: 'close the gate' } },
    ...{ check: { path: '/orders/{key}', expect: { body: { body: { what: 'close the gate' } } } } },
    ...more,
  })
}
const unchecked = () => input({ check: undefined })

/** The same step on a server that takes the request and never answers. */
function silentTargets() {
  const url = `http://127.0.0.1:${silent.port}`
  const { reader, writer } = serviceClient([{ url }])
  const moved = (asked: string) => asked.replace(server.url, url)
  return someTargets({
    readers: { services: answering({ get: (asked, signal) => reader.get(moved(asked), signal) }) },
    writers: {
      services: answering({
        send: (request, signal) => writer.send({ ...request, url: moved(request.url) }, signal),
      }),
    },
  })
}

describe('http.call that is looked up', () => {
  conforms(httpCall, () =>
    Promise.resolve({
      input: input(),
      targets: targets(),
      written: () => Promise.resolve(changesAt(server)),
      output: ({ key }) => expect(server.ledger).toMatchObject([{ key, body: { what: 'close the gate' } }]),
      silent: silentTargets(),
      state: { key: 'any', seen: 'not-done' as const, lastTry: 'none' as const },
    }),
  )

  test('an effect whose answer was lost is found, and done no second time', async () => {
    server.next.push('lose')
    const ctx = acting(targets())
    const before = await httpCall.observe(ctx, input())
    await expect(httpCall.apply(ctx, input(), before)).rejects.toBeInstanceOf(Unreachable)
    const after = await httpCall.observe(acting(targets(), { lastTry: 'lost' }), input())
    expect(httpCall.judge(input(), after)).toBe('holds')
    expect(server.ledger).toHaveLength(1)
  })

  test('what is there and is not what was expected does not hold', async () => {
    const ctx = acting(targets())
    await httpCall.apply(ctx, input(), await httpCall.observe(ctx, input()))
    const other = input({
      check: { path: '/orders/{key}', expect: { status: 200, body: { body: { what: 'open the gate' } } } },
    })
    const seen = await httpCall.observe(acting(targets(), { lastTry: 'done' }), other)
    expect(httpCall.judge(other, seen)).toBe('absent')
  })

  test('a look-up that is answered by a fault is no answer; one that is refused says so', async () => {
    server.lookUpStatus = 503
    await expect(httpCall.observe(acting(targets()), input())).rejects.toBeInstanceOf(Unreachable)
    server.lookUpStatus = 403
    await expect(httpCall.observe(acting(targets()), input())).rejects.toMatchObject({
      code: 'call-refused',
      why: expect.stringContaining('403') as string,
    })
  })
})

describe('http.call that cannot be looked up', () => {
  conforms(httpCall, () =>
    Promise.resolve({
      input: unchecked(),
      targets: targets(),
      written: () => Promise.resolve(changesAt(server)),
    }),
  )

  test('a lost answer is unclear: nothing tells whether it was done', async () => {
    server.next.push('lose')
    const ctx = acting(targets())
    await expect(
      httpCall.apply(ctx, unchecked(), await httpCall.observe(ctx, unchecked())),
    ).rejects.toBeInstanceOf(Unreachable)
    const lost = await httpCall.observe(acting(targets(), { lastTry: 'lost' }), unchecked())
    expect(httpCall.judge(unchecked(), lost)).toBe('unclear')
    // A person said `retry`: the same key makes it one effect.
    const again = acting(targets(), { lastTry: 'none' })
    const seen = await httpCall.observe(again, unchecked())
    expect(httpCall.judge(unchecked(), seen)).toBe('absent')
    await httpCall.apply(again, unchecked(), seen)
    expect(server.ledger).toHaveLength(1)
  })
})

describe('http.call', () => {
  test('another run, and another node of the same run, are effects of their own', async () => {
    for (const of of [{ runId: 'run-1' }, { runId: 'run-2' }, { nodeId: 'AID/step' }]) {
      const ctx = acting(targets(), of)
      await httpCall.apply(ctx, input(), await httpCall.observe(ctx, input()))
    }
    expect(new Set(server.ledger.map(({ key }) => key)).size).toBe(3)
  })

  test('the plan shows the exact request', async () => {
    const ctx = planning(targets())
    expect(await httpCall.plan(ctx, input(), await httpCall.observe(ctx, input()))).toEqual([
      { certainty: 'exact', target: `POST ${server.url}/orders`, after: { what: 'close the gate' } },
    ])
  })

  test.each([
    [500, Unreachable],
    [408, Unreachable],
    [409, PreconditionRefused],
    [412, PreconditionRefused],
  ])('an answer of %s is told apart', async (status, kind) => {
    server.next.push({ status })
    const ctx = acting(targets())
    const failure = httpCall.apply(ctx, input(), await httpCall.observe(ctx, input()))
    await expect(failure).rejects.toBeInstanceOf(kind)
  })

  test.each([422, 429])('an answer of %s is a refusal with what the service says', async (status) => {
    server.next.push({ status })
    const ctx = acting(targets())
    await expect(httpCall.apply(ctx, input(), await httpCall.observe(ctx, input()))).rejects.toMatchObject({
      code: 'call-refused',
      why: `it answered ${status}: {"why":"as told"}`,
    })
  })

  test('only the answers that are accepted mean done', async () => {
    const only = input({ accept: [202] })
    const ctx = acting(targets())
    await expect(httpCall.apply(ctx, only, await httpCall.observe(ctx, only))).rejects.toMatchObject({
      code: 'call-refused',
    })
  })

  test('a service that is not configured is not asked', async () => {
    const ctx = acting(targets({ url: 'https://other.gov.test' }))
    await expect(httpCall.observe(ctx, input())).rejects.toMatchObject({ code: 'service-unknown' })
    expect(server.requests).toEqual([])
  })

  test('a url holds no password, query or fragment', () => {
    for (const url of ['https://a:b@x.test', 'https://x.test?token=1', 'https://x.test#a', 'ftp://x.test'])
      expect(callInput.safeParse({ ...input(), url }).success).toBe(false)
  })
})

describe('the services of the configuration', () => {
  test('a secret goes to its service, by the header that it wants, and is read anew each time', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'haetae-test-secret-'))
    try {
      const secretFile = join(dir, 'secret')
      await writeFile(secretFile, 'Bearer one\n')
      const { reader, writer } = serviceClient([{ url: `${server.url}/`, secretFile, header: 'X-Token' }])
      const never = new AbortController().signal
      await reader.get(`${server.url}/orders/none`, never)
      await writeFile(secretFile, 'Bearer two\n')
      await writer.send({ url: `${server.url}/orders`, method: 'POST' }, never)
      expect(server.requests.map(({ headers }) => headers['x-token'])).toEqual(['Bearer one', 'Bearer two'])
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })

  test('a service that repeats the secret in its answer does not bring it into the journal', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'haetae-test-secret-'))
    const echo = createServer((request, response) => response.end(JSON.stringify(request.headers)))
    await new Promise<void>((done) => echo.listen(0, '127.0.0.1', done))
    try {
      const url = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`
      const secretFile = join(dir, 'secret')
      await writeFile(secretFile, 'Bearer s3cret')
      const { reader } = serviceClient([{ url, secretFile }])
      const answer = await reader.get(`${url}/any`, new AbortController().signal)
      expect(answer.body).toMatchObject({ authorization: '***' })
    } finally {
      echo.closeAllConnections()
      await new Promise((done) => echo.close(done))
      await rm(dir, { recursive: true, force: true })
    }
  })

  test('a certificate is checked against the authority of the service', async () => {
    const secure = await startWebService('hooks.gov.test', (_request, response) => response.end('{}'))
    const stranger = await createAuthority(secure.folder, 'stranger')
    try {
      const url = `https://127.0.0.1:${secure.port}`
      const never = new AbortController().signal
      const known = serviceClient([{ url, caFile: secure.caFile }])
      expect(await known.reader.get(`${url}/any`, never)).toEqual({ status: 200, body: {} })
      const unknown = serviceClient([{ url, caFile: stranger.cert }])
      await expect(unknown.reader.get(`${url}/any`, never)).rejects.toMatchObject({ name: 'NoAnswer' })
    } finally {
      await secure.close()
    }
  })
})
