import type { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressesOf, PORTS } from '../../lab/addresses.ts'
import { processesIn } from '../../lab/cgroup.ts'
import { run } from '../../lab/command.ts'
import { down } from '../../lab/down.ts'
import type { Instance } from '../../lab/instance.ts'
import { lose } from '../../lab/lose.ts'
import { inPlace } from '../../lab/place.ts'
import { siteKubectl } from '../../lab/site/control.ts'
import { status } from '../../lab/status.ts'
import { bareLab } from '../support/bare-lab.ts'

/*
 * A site that loses its power falls silent, and then is gone.
 *
 * 1. From Gwangju a connection to Daejeon's API server stands open.
 * 2. Daejeon loses its power. Within a second no process of it is left.
 * 3. The open connection hears nothing: no end, no reset. A new one is not refused. Both would prove a live host.
 * 4. Gwangju's own cluster goes on.
 */
describe('the loss of a site', () => {
  let instance: Instance

  beforeAll(async () => {
    instance = await bareLab()
  })
  afterAll(async () => {
    await down(instance)
  })

  test('is silence for the others, and the end of every process at once', async () => {
    const { node } = addressesOf('daejeon')
    const watching = run([
      ...(await inPlace(instance, 'gwangju')),
      process.execPath,
      '-e',
      WATCH,
      node,
      String(PORTS.api),
    ])
    await new Promise((done) => setTimeout(done, 1000)) // the connection stands

    const loss = await lose(instance, 'daejeon')

    expect(loss.deadAfterMs).toBeLessThan(2000)
    expect(await processesIn(`${instance.cgroup}/daejeon`)).toEqual([])
    expect(JSON.parse(await watching)).toEqual({ before: 'open', standing: 'silent', fresh: 'silent' })
    const { sites } = await status(instance)
    expect(sites.map(({ site, state }) => `${site} ${state}`)).toEqual(['daejeon lost', 'gwangju up'])
    const kubectl = await siteKubectl(instance, 'gwangju')
    expect(await kubectl(['get', 'nodes', '-o', 'name'])).toBe('node/gwangju\n')
  })

  test('cannot happen twice', async () => {
    await expect(lose(instance, 'daejeon')).rejects.toMatchObject({ code: 'lab-not-up' })
  })
})

/** Holds a connection open for four seconds and says what it heard, then tries a new one. */
const WATCH = `
(${((net: { connect: typeof connect }, host: string, port: number) => {
  const told = { before: 'not open', standing: 'silent', fresh: 'silent' }
  const standing = net.connect(port, host, () => (told.before = 'open'))
  standing.on('end', () => (told.standing = 'ended'))
  standing.on('error', (error) => (told.standing = error.message))
  setTimeout(() => {
    const fresh = net.connect(port, host, () => (told.fresh = 'answers'))
    fresh.on('error', (error) => (told.fresh = error.message))
  }, 2000)
  setTimeout(() => {
    process.stdout.write(JSON.stringify(told))
    process.exit(0)
  }, 4500)
}).toString()})(require('node:net'), process.argv[1], Number(process.argv[2]))
`
