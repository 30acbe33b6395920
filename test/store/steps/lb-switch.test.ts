import { rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { loadBalancerClient, type LoadBalancerOptions } from '#platform/haproxy/client.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { answering } from '#steps/answering.ts'
import type { BalanceInput } from '#steps/inputs.ts'
import { lbSwitch } from '#steps/lb-switch.ts'
import { startLoadBalancer, type TestLoadBalancer } from '../../support/load-balancer.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, planning, someTargets } from '../../support/step-contexts.ts'

const running: TestLoadBalancer[] = []
const silence = join(tmpdir(), `haetae-test-silent-${process.pid}.sock`)
let silent: Server
const open = new Set<Socket>()

beforeAll(async () => {
  silent = createServer((socket) => open.add(socket.on('error', () => undefined)))
  await new Promise<void>((done) => silent.listen(silence, done))
})
afterEach(async () => {
  for (const balancer of running.splice(0)) await balancer.stop()
})
afterAll(async () => {
  for (const socket of open) socket.destroy()
  await new Promise((done) => silent.close(done))
  await rm(silence, { force: true })
})

async function balancer(options?: { prepared: boolean }): Promise<TestLoadBalancer> {
  const started = await startLoadBalancer(options)
  running.push(started)
  return started
}

function targets(options: LoadBalancerOptions | undefined) {
  const { reader, writer } = loadBalancerClient(options)
  return someTargets({
    readers: { loadBalancer: answering(reader) },
    writers: { loadBalancer: answering(writer) },
  })
}

function inputOf(server = 'green'): BalanceInput {
  return { site: 'gwangju', system: 'GPK', backend: 'web', server }
}

async function switchTo(server: string, { options }: TestLoadBalancer) {
  const ctx = acting(targets(options))
  return lbSwitch.apply(ctx, inputOf(server), await lbSwitch.observe(ctx, inputOf(server)))
}

/** HAProxy's own state of every server, but for what its clock and its counters move. */
async function stateOf(balancer: TestLoadBalancer): Promise<string[]> {
  const said = await balancer.admin('show servers state web; haetae version web')
  const lines = said.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => line.split(' ').slice(0, 8).join(' '))
}

describe('lb.switch on a real HAProxy', () => {
  conforms(lbSwitch, async () => {
    const one = await balancer()
    const before = await stateOf(one)
    return {
      input: inputOf(),
      targets: targets(one.options),
      written: async () => (await stateOf(one)).filter((line) => !before.includes(line)),
      // There and back again: it serves as it was seen, and yet it is not what was seen.
      meddle: async () => {
        await switchTo('red', one)
        await switchTo('blue', one)
      },
      others: {
        there: () => one.answering(),
        change: async () => void (await switchTo('red', one)),
        changeBeside: async () => void (await one.admin('set server web/blue weight 7')),
      },
      silent: targets({ socket: silence }),
      state: { version: 0, servers: [{ name: 'green', address: '127.0.0.1:1', serving: false, up: false }] },
    }
  })

  test('clients are answered by the chosen server, and by no other', async () => {
    const one = await balancer()
    expect(await one.answering()).toBe('blue')
    await switchTo('green', one)
    for (let asked = 0; asked < 5; asked++) expect(await one.answering()).toBe('green')
  })

  test('what an administrator changed by hand meanwhile is not overwritten', async () => {
    const one = await balancer()
    const ctx = acting(targets(one.options))
    const seen = await lbSwitch.observe(ctx, inputOf())
    await one.admin('set server web/red state ready')
    await expect(lbSwitch.apply(ctx, inputOf(), seen)).rejects.toBeInstanceOf(PreconditionRefused)
    expect(await one.admin('show servers state web')).toMatch(
      /blue 127\.0\.0\.1 2 0[\s\S]*red 127\.0\.0\.1 2 /,
    )
  })

  test('a load balancer that is killed and started again still sends to the chosen server', async () => {
    const one = await balancer()
    await switchTo('green', one)
    await one.restart()
    expect(await one.answering()).toBe('green')
    const found = await lbSwitch.observe(acting(targets(one.options)), inputOf())
    expect(lbSwitch.judge(inputOf(), found)).toBe('holds')
    expect(found?.version).toBe(1)
  })

  test('planning shows what is changed, from and to', async () => {
    const one = await balancer()
    const ctx = planning(targets(one.options))
    const changes = await lbSwitch.plan(ctx, inputOf(), await lbSwitch.observe(ctx, inputOf()))
    expect(changes).toMatchObject([
      { certainty: 'exact', before: { serving: ['blue'] }, after: { serving: ['green'] } },
    ])
  })

  test("on the socket that Haetae is given, HAProxy's own commands change nothing", async () => {
    const one = await balancer()
    const before = await stateOf(one)
    const words = ['web green', '0 blue; set server web/blue state maint']
    for (const bad of words) {
      const { writer } = loadBalancerClient(one.options)
      const seen = { version: 0, servers: [] }
      await expect(writer.switch('web', bad, seen, new AbortController().signal)).rejects.toThrow(
        'not a name',
      )
    }
    expect(await one.asHaetae('set server web/blue state maint')).toContain('Permission denied')
    expect(await stateOf(one)).toEqual(before)
  })

  test('a server or a backend that is not there is said, with those that are', async () => {
    const one = await balancer()
    const ctx = acting(targets(one.options))
    const wrong = inputOf('yellow')
    const asked = lbSwitch.apply(ctx, wrong, await lbSwitch.observe(ctx, wrong))
    await expect(asked).rejects.toMatchObject({ code: 'load-balancer-server-missing' })
    const nowhere = { ...inputOf(), backend: 'nowhere' }
    expect(await lbSwitch.observe(ctx, nowhere)).toBeNull()
    expect(await lbSwitch.plan(ctx, nowhere, null)).toMatchObject([{ certainty: 'opaque' }])
    await expect(lbSwitch.apply(ctx, nowhere, null)).rejects.toMatchObject({
      code: 'load-balancer-server-missing',
    })
  })

  test('several servers that served together are not restored by a switch, and it says so', async () => {
    const one = await balancer()
    await one.admin('set server web/red state ready')
    const ctx = acting(targets(one.options))
    const before = await lbSwitch.observe(ctx, inputOf())
    expect(lbSwitch.judge(inputOf(), before)).toBe('absent')
    expect(lbSwitch.invert(inputOf(), before)).toBe('none')
  })

  test('a load balancer without the commands, one that is not configured, and one that is away', async () => {
    const bare = await balancer({ prepared: false })
    const observed = (options: LoadBalancerOptions | undefined) =>
      lbSwitch.observe(acting(targets(options)), inputOf())
    await expect(observed(bare.options)).rejects.toMatchObject({ code: 'load-balancer-not-prepared' })
    await expect(observed(undefined)).rejects.toMatchObject({ code: 'load-balancer-unknown' })
    await expect(observed({ socket: `${silence}.none` })).rejects.toMatchObject({ name: 'Unreachable' })
  })
})
