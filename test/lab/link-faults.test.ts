import { beforeAll, describe, expect, test } from 'vitest'
import { addressesOf, PORTS } from '../../lab/addresses.ts'
import { attempt } from '../../lab/command.ts'
import type { Instance } from '../../lab/instance.ts'
import { addLinkFault, clearLinkFaults, limitLink } from '../../lab/link.ts'
import { inPlace } from '../../lab/place.ts'
import { bareLab } from '../support/bare-lab.ts'

/*
 * Faults of a link that is up. From Gwangju two services of Daejeon are asked: Prometheus for its own metrics, some
 * ten kilobytes, and the API server for its version.
 *
 * 1. Control: the metrics come.
 * 2. Packets of that one service are dropped: they do not come, while the API server answers.
 * 3. Large packets are dropped: they do not come.
 * 4. The link is limited to 200 kbit/s: they come, several times slower.
 * 5. Faults are cleared: they come as before.
 */
describe('the link', () => {
  let instance: Instance
  const { node } = addressesOf('daejeon')

  beforeAll(async () => {
    instance = await bareLab()
  })

  /** Milliseconds until the text was there; undefined when it did not come within five seconds. */
  async function read(url: string): Promise<number | undefined> {
    const argv = [...(await inPlace(instance, 'gwangju')), process.execPath, '-e', READ, url]
    const result = await attempt(argv, { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } })
    return result.code === 0 ? Number(result.stdout) : undefined
  }

  const api = `https://${node}:${PORTS.api}/version`
  const prometheus = `http://${node}:${PORTS.prometheus}/metrics`

  test('drops one service, large packets, or what is above a limit, and nothing once it is cleared', async () => {
    const usual = (await read(prometheus)) ?? Number.NaN
    expect(usual).toBeLessThan(1000)

    await addLinkFault(instance, { kind: 'drop-service', address: node, port: PORTS.prometheus })
    expect(await read(prometheus)).toBeUndefined()
    expect(await read(api)).toBeDefined()
    await clearLinkFaults(instance)

    await addLinkFault(instance, { kind: 'drop-large', bytes: 1000 })
    expect(await read(prometheus)).toBeUndefined()
    await clearLinkFaults(instance)

    await limitLink(instance, 200)
    expect(await read(prometheus)).toBeGreaterThan(usual * 2)
    await clearLinkFaults(instance)

    expect(await read(prometheus)).toBeLessThan(1000)
  })
})

const READ = `
const began = Date.now()
fetch(process.argv[1], { signal: AbortSignal.timeout(5000), headers: { 'accept-encoding': 'identity' } })
  .then((reply) => reply.text())
  .then(() => { process.stdout.write(String(Date.now() - began)); process.exit(0) })
  .catch(() => process.exit(1))
`
