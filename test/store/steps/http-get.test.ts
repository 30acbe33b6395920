import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { httpClient } from '#platform/http/client.ts'
import { answering } from '#steps/answering.ts'
import { httpGet } from '#steps/http-get.ts'
import type { GetInput } from '#steps/inputs.ts'
import { silentServerForFile } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, someTargets } from '../../support/step-contexts.ts'
import { startWebService, type WebService } from '../../support/web-service.ts'

/** How often the service says 503 before it serves. */
let unready = 0
const methods = new Set<string>()
let service: WebService
const silent = silentServerForFile()

beforeAll(async () => {
  service = await startWebService('nss.gov.test', (request, response) => {
    methods.add(request.method ?? '')
    const found = request.url === '/answer'
    const status = !found ? 404 : (unready -= 1) >= 0 ? 503 : 200
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"why":"AID is away"}')
  })
})
beforeEach(() => {
  unready = 0
  methods.clear()
})
afterAll(async () => {
  await service.close()
})

function targets(port = service.port) {
  const client = httpClient(service)
  return someTargets({
    readers: {
      http: answering({
        get: (target, path, signal) =>
          client.reader.get({ ...target, address: '127.0.0.1', port }, path, signal),
      }),
    },
  })
}

const input = (path = '/answer'): GetInput => ({
  ...{ site: 'gwangju', system: 'NSS', name: 'nss.gov.test', path },
  ...{ address: '127.0.0.1', port: service.port },
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
