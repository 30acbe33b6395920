import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorityApplier } from '#daemon/apply-authority.ts'
import { dnsReader, dnsWriter } from '#platform/dns/client.ts'
import { startNameServer, type TestNameServer } from '../support/name-server.ts'

let server: TestNameServer
const never = new AbortController().signal

beforeAll(async () => {
  server = await startNameServer()
})
afterAll(async () => {
  await server.stop()
})

test('an authority of a peer changes a name that stands under an older epoch, never under the same or a newer one', async () => {
  const name = 'gpk.gov.test'
  const { host, port, zone, tsigKeyFile } = server.options
  const traffic = { name, port: 443, ttlSeconds: 5, addresses: { gwangju: '10.72.1.11' } }
  const apply = authorityApplier(
    { dns: { server: host, port, zone, tsigKeyFile } } as never,
    { systems: new Map([['GPK', { components: { traffic } }]]) } as never,
  )
  await dnsWriter(server.options).update(
    [],
    [
      { kind: 'set', name, type: 'A', ttlSeconds: 5, values: ['10.71.1.11'] },
      { kind: 'set', name, type: 'TXT', ttlSeconds: 5, values: ['epoch=4', 'v=kept'] },
    ],
    never,
  )
  const start = await server.serial()
  for (const epoch of [3, 4]) await apply({ system: 'GPK', site: 'gwangju', epoch })
  expect(await server.serial()).toBe(start)
  await apply({ system: 'GPK', site: 'gwangju', epoch: 5 })
  const there = await dnsReader(server.options).lookUp(name, never)
  expect(there).toEqual({ addresses: ['10.72.1.11'], ttlSeconds: 5, texts: ['epoch=5', 'v=kept'] })
})
