import { beforeAll, describe, expect, test } from 'vitest'
import { addressesOf, otherSite, PORTS } from '../../lab/addresses.ts'
import { run } from '../../lab/command.ts'
import { type Instance, SITES, type PlaceId, type SiteId } from '../../lab/instance.ts'
import { heal, packetsPassed, partition } from '../../lab/link.ts'
import { inNetwork, ip } from '../../lab/network.ts'
import { inPlace } from '../../lab/place.ts'
import { bareLab } from '../support/bare-lab.ts'

/*
 * A partition really cuts the sites from each other.
 *
 * 1. Control: from each site the other one answers, by TCP at its API server, by TCP at the address of a service, and
 *    by UDP at its name server; the counters of the link grow.
 * 2. Cut the link. None of these is answered, in neither direction: no refusal either, just silence. Not one packet
 *    passes the carrier, and none arrives at either site. Citizens still reach both sites.
 * 3. A site that has another way out (a default route) makes `partition` refuse, because it would prove nothing.
 * 4. Heal. All answer again.
 */
describe('a partition', () => {
  let instance: Instance

  beforeAll(async () => {
    instance = await bareLab()
  })

  /** `answers`, `refused`, `unreachable` or `silent`, by what is asked. */
  async function ask(from: PlaceId, to: SiteId): Promise<Record<string, string>> {
    const { node, kubernetesService, nameServer } = addressesOf(to)
    const question = JSON.stringify({ api: [node, PORTS.api], service: [kubernetesService, 443], nameServer })
    const said = await run([...(await inPlace(instance, from)), process.execPath, '-e', ASK, question])
    return JSON.parse(said) as Record<string, string>
  }

  async function arrived(site: SiteId): Promise<number> {
    const shown = await run([
      ...inNetwork(instance, site),
      'ip',
      '-json',
      '-stats',
      'link',
      'show',
      'dev',
      'link',
    ])
    const [link] = JSON.parse(shown) as { stats64: { rx: { packets: number } } }[]
    return link?.stats64.rx.packets ?? Number.NaN
  }

  const all = (answer: string) => ({ api: answer, service: answer, nameServer: answer })
  const askEachOther = () => Promise.all(SITES.map((site) => ask(site, otherSite(site))))

  test('lets no packet pass, and heals', async () => {
    const start = await packetsPassed(instance)
    expect(await askEachOther()).toEqual([all('answers'), all('answers')])
    expect(await packetsPassed(instance)).toBeGreaterThan(start)

    await partition(instance)
    const passed = await packetsPassed(instance)
    const arrivals = await Promise.all(SITES.map(arrived))
    expect(await askEachOther()).toEqual([all('silent'), all('silent')])
    expect(await packetsPassed(instance)).toBe(passed)
    expect(await Promise.all(SITES.map(arrived))).toEqual(arrivals)
    for (const site of SITES) expect(await ask('citizens', site)).toEqual(all('answers'))

    await heal(instance)
    expect(await askEachOther()).toEqual([all('answers'), all('answers')])
    expect(await packetsPassed(instance)).toBeGreaterThan(passed)
  })

  test('is refused when packets could take another way', async () => {
    await ip(instance, 'daejeon', [`route add default via ${addressesOf('daejeon').citizensLine.citizens}`])
    await expect(partition(instance)).rejects.toMatchObject({ code: 'lab-command-failed' })
    expect(await ask('daejeon', 'gwangju')).toEqual(all('answers'))
    await ip(instance, 'daejeon', ['route del default'])
  })
})

/** Runs in the asking place. Two seconds without any answer are silence. */
const ASK = `
const { connect } = require('node:net')
const { Resolver } = require('node:dns/promises')
const { api, service, nameServer } = JSON.parse(process.argv[1])
const tcp = ([host, port]) => new Promise((done) => {
  const socket = connect({ host, port, timeout: 2000 })
  socket.on('connect', () => { socket.destroy(); done('answers') })
  socket.on('timeout', () => { socket.destroy(); done('silent') })
  socket.on('error', ({ code }) => done(code === 'ECONNREFUSED' ? 'refused' : 'unreachable: ' + code))
})
const resolver = new Resolver({ timeout: 2000, tries: 1 })
resolver.setServers([nameServer])
const udp = resolver.resolveSoa('gov.test').then(() => 'answers', ({ code }) => code === 'ETIMEOUT' ? 'silent' : code)
Promise.all([tcp(api), tcp(service), udp]).then(([a, s, n]) =>
  process.stdout.write(JSON.stringify({ api: a, service: s, nameServer: n })))
`
