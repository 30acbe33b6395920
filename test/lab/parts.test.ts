import { beforeAll, describe, expect, test } from 'vitest'
import { addressesOf } from '../../lab/addresses.ts'
import type { Instance } from '../../lab/instance.ts'
import { runInSite, signalSitePart, siteKubectl, startSitePart } from '../../lab/site/control.ts'
import { sitePaths } from '../../lab/site/spec.ts'
import { status } from '../../lab/status.ts'
import { bareLab } from '../support/bare-lab.ts'

/*
 * One part of a site can be killed and started again; what it had stored is still there.
 *
 * 1. A name is added to Gwangju's zone, and an object to its cluster.
 * 2. Name server, etcd, API server and Prometheus are killed. `status` says so, and Daejeon goes on.
 * 3. They are started again, in an order in which each finds what it needs.
 * 4. Name and object are there.
 */
describe('a part of a site', () => {
  let instance: Instance
  const { nameServer } = addressesOf('gwangju')

  beforeAll(async () => {
    instance = await bareLab()
  })

  async function missing(): Promise<Record<string, string[]>> {
    const { sites } = await status(instance)
    const ended = (parts: Record<string, boolean>) =>
      Object.keys(parts).filter((name) => parts[name] === false)
    return Object.fromEntries(sites.map(({ site, parts }) => [site, ended(parts)]))
  }

  test('that was killed is missed, and starts again with what it had stored', async () => {
    const kubectl = await siteKubectl(instance, 'gwangju')
    const change = `server ${nameServer}\nzone gov.test\nupdate add new.gov.test 5 A 10.72.1.200\nsend\n`
    await runInSite(instance, 'gwangju', ['nsupdate', '-k', sitePaths(instance, 'gwangju').dnsKey], change)
    await kubectl(['create', 'configmap', 'kept'])
    expect(await missing()).toEqual({ daejeon: [], gwangju: [] })

    const killed = ['etcd', 'kube-apiserver', 'named', 'prometheus'] as const
    for (const part of killed) await signalSitePart(instance, 'gwangju', part, 'SIGKILL')
    await expect.poll(missing, { timeout: 5000 }).toEqual({ daejeon: [], gwangju: [...killed] })

    for (const part of killed) await startSitePart(instance, 'gwangju', part)
    const ended = (await missing())['gwangju'] ?? []
    expect(killed.filter((part) => ended.includes(part))).toEqual([])
    expect(await runInSite(instance, 'gwangju', ['dig', '+short', `@${nameServer}`, 'new.gov.test'])).toBe(
      '10.72.1.200\n',
    )
    expect(await kubectl(['get', 'configmap', 'kept', '-o', 'name'])).toBe('configmap/kept\n')
  })
})
