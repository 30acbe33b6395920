import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dnsReader, dnsWriter, DnsRefused } from '#platform/dns/client.ts'
import { answering } from '#steps/answering.ts'
import { dnsSwitch } from '#steps/dns-switch.ts'
import type { SwitchInput } from '#steps/inputs.ts'
import type { Targets } from '#steps/targets.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { startNameServer, type TestNameServer } from '../../support/name-server.ts'
import { silentServerForFile } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, someTargets } from '../../support/step-contexts.ts'

let server: TestNameServer
const silent = silentServerForFile()
let names = 0
const never = new AbortController().signal

beforeAll(async () => {
  server = await startNameServer()
})
afterAll(async () => {
  await server.stop()
})

function targetsAt(port: number): Pick<Targets, 'readers' | 'writers'> {
  const options = { ...server.options, port }
  return someTargets({
    readers: { dns: answering(dnsReader(options)) },
    writers: { dns: answering(dnsWriter(options)) },
  })
}

/** A name of its own that points to Daejeon under epoch 1. */
async function pointed(texts = ['epoch=1', 'v=kept']): Promise<SwitchInput> {
  const name = `s${++names}.gov.test`
  await dnsWriter(server.options).update(
    [],
    [
      { kind: 'set', name, type: 'A', ttlSeconds: 5, values: ['10.71.1.11'] },
      { kind: 'set', name, type: 'TXT', ttlSeconds: 5, values: texts },
    ],
    never,
  )
  return { site: 'gwangju', system: 'GPK', name, address: '10.72.1.11', ttlSeconds: 5, epoch: 2 }
}

describe('dns.switch on BIND', () => {
  conforms(dnsSwitch, async () => {
    const input = await pointed()
    const start = await server.serial()
    return {
      input,
      targets: targetsAt(server.options.port),
      context: { epoch: 2 },
      written: async () => {
        const serial = await server.serial()
        const there = await dnsReader(server.options).lookUp(input.name, never)
        return serial === start ? [] : [JSON.stringify(there)]
      },
      meddle: () =>
        dnsWriter(server.options).update(
          [],
          [{ kind: 'set', name: input.name, type: 'TXT', ttlSeconds: 5, values: ['epoch=3'] }],
          never,
        ),
      silent: targetsAt(silent.port),
      state: { addresses: ['10.71.1.11'], ttlSeconds: 5, texts: ['epoch=1', 'v=kept'] },
    }
  })

  test('the address, its epoch and foreign texts are there after one update', async () => {
    const input = await pointed()
    const ctx = acting(targetsAt(server.options.port), { epoch: 2 })
    await dnsSwitch.apply(ctx, input, await dnsSwitch.observe(ctx, input))
    const seen = await dnsReader(server.options).lookUp(input.name, never)
    expect(seen).toEqual({ addresses: ['10.72.1.11'], ttlSeconds: 5, texts: ['epoch=2', 'v=kept'] })
  })

  test('of two switches that saw the same record, the server lets one through', async () => {
    const input = await pointed()
    const ctx = acting(targetsAt(server.options.port), { epoch: 2 })
    const other = acting(targetsAt(server.options.port), { epoch: 3, runId: 'run-2' })
    const state = await dnsSwitch.observe(ctx, input)
    const results = await Promise.allSettled([
      dnsSwitch.apply(ctx, input, state),
      dnsSwitch.apply(other, { ...input, epoch: 3, address: '10.73.1.11' }, state),
    ])
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected'])
    const lost = results.find((result) => result.status === 'rejected')
    expect(lost?.reason).toBeInstanceOf(PreconditionRefused)
    const winner = results[0]?.status === 'fulfilled' ? 2 : 3
    const seen = await dnsReader(server.options).lookUp(input.name, never)
    expect(seen.texts).toContain(`epoch=${winner}`)
    expect(seen.addresses).toEqual([winner === 2 ? '10.72.1.11' : '10.73.1.11'])
  })

  test('a name with a newer epoch is left alone, and a person is asked', async () => {
    const input = await pointed(['epoch=9'])
    const ctx = acting(targetsAt(server.options.port), { epoch: 2 })
    const state = await dnsSwitch.observe(ctx, input)
    expect(dnsSwitch.judge(input, state)).toBe('unclear')
    await expect(dnsSwitch.apply(ctx, input, state)).rejects.toBeInstanceOf(PreconditionRefused)
  })

  test('a run that holds another epoch than the step was given does not switch', async () => {
    const input = await pointed()
    const ctx = acting(targetsAt(server.options.port), { epoch: 4 })
    const state = await dnsSwitch.observe(ctx, input)
    await expect(dnsSwitch.apply(ctx, input, state)).rejects.toMatchObject({ code: 'authority-lost' })
  })

  test('a name without any record is made when there is none yet', async () => {
    const name = `s${++names}.gov.test`
    const input = { ...(await pointed()), name }
    const ctx = acting(targetsAt(server.options.port), { epoch: 2 })
    await dnsSwitch.apply(ctx, input, await dnsSwitch.observe(ctx, input))
    expect(dnsSwitch.judge(input, await dnsSwitch.observe(ctx, input))).toBe('holds')
  })

  test('an update outside the zone, or without the key, is a refusal with the code of the server', async () => {
    const bare = dnsWriter({ host: '127.0.0.1', port: server.options.port, zone: 'gov.test.' })
    const change = { kind: 'remove' as const, name: 'ns.gov.test', type: 'A' as const }
    await expect(bare.update([], [change], never)).rejects.toMatchObject({
      name: 'DnsRefused',
      rcode: 'REFUSED',
    })
    const outside = dnsWriter({ ...server.options, zone: 'other.test.' })
    await expect(outside.update([], [{ ...change, name: 'a.other.test' }], never)).rejects.toBeInstanceOf(
      DnsRefused,
    )
  })
})
