import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createAuthority, issue } from '../../../lab/pki.ts'
import { httpClient } from '#platform/http/client.ts'
import { answering } from '#steps/answering.ts'
import { httpGet } from '#steps/http-get.ts'
import type { GetInput } from '#steps/inputs.ts'
import { silentServer, type SilentServer } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, someTargets } from '../../support/step-contexts.ts'

/** How often the service says 503 before it serves. */
let unready = 0
const methods = new Set<string>()
let dir: string
let caFile: string
let server: Server
let port: number
let silent: SilentServer

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'haetae-test-get-'))
  const authority = await createAuthority(dir, 'ca')
  const pair = await issue(authority, dir, 'web', { commonName: 'nss.gov.test', dns: ['nss.gov.test'] })
  caFile = authority.cert
  server = createServer(
    { cert: await readFile(pair.cert), key: await readFile(pair.key) },
    (request, response) => {
      methods.add(request.method ?? '')
      const found = request.url === '/answer'
      const status = !found ? 404 : (unready -= 1) >= 0 ? 503 : 200
      response.writeHead(status, { 'content-type': 'application/json' }).end('{"why":"AID is away"}')
    },
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  port = (server.address() as { port: number }).port
  silent = await silentServer()
})
beforeEach(() => {
  unready = 0
  methods.clear()
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
  await silent.close()
  await rm(dir, { recursive: true, force: true })
})

function targets(at = port) {
  const client = httpClient({ caFile })
  return someTargets({
    readers: {
      http: answering({
        get: (target, path, signal) =>
          client.reader.get({ ...target, address: '127.0.0.1', port: at }, path, signal),
      }),
    },
  })
}

const input = (path = '/answer'): GetInput => ({
  ...{ site: 'gwangju', system: 'NSS', address: '127.0.0.1', port, name: 'nss.gov.test', path },
})

describe('http.get on a real web service', () => {
  conforms(httpGet, () =>
    Promise.resolve({
      input: input(),
      targets: targets(),
      written: () => Promise.resolve([...methods].filter((method) => method !== 'GET')),
      silent: targets(silent.port),
    }),
  )

  test('a service that does not serve yet is asked again until it does, and what it says is told', async () => {
    unready = 3
    const said: string[] = []
    const ctx = { ...acting(targets()), progress: (message: string) => void said.push(message) }
    const state = await httpGet.observe(ctx, input())
    expect(httpGet.judge(input(), state)).toBe('absent')
    expect(await httpGet.apply(ctx, input(), state)).toEqual({ status: 200 })
    expect(said[0]).toMatch(/503.*AID is away/)
  })

  test('one that never serves is told with its answer when the time is over', async () => {
    const stop = new AbortController()
    const ctx = { ...acting(targets()), signal: stop.signal, progress: () => stop.abort() }
    const state = await httpGet.observe(ctx, input('/nowhere'))
    await expect(httpGet.apply(ctx, input('/nowhere'), state)).rejects.toMatchObject({
      code: 'check-failed',
      why: expect.stringContaining('404') as string,
    })
  })
})
