import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { holderOf } from '#platform/hold.ts'
import { SITES_ONLY } from '../../lab/contents.ts'
import { down } from '../../lab/down.ts'
import { status } from '../../lab/status.ts'
import { up } from '../../lab/up.ts'
import { testInstance } from '../support/test-lab.ts'
import { comparable, hostSnapshot, type HostSnapshot } from './host-snapshot.ts'

/*
 * A lab changes its host while it is there, and not after.
 *
 * 1. Look at the host: processes, mounts, cgroups, loop devices, nftables, rules, routes, links, sysctls, folders.
 * 2. Bring up a lab of two sites without systems. The same look finds it (or it would find nothing later either),
 *    and finds the host's own network untouched.
 * 3. End it: by `down`; by `down` after its holder was killed; by an interrupted `up`.
 * 4. Look again: nothing is different.
 */
describe('a lab leaves nothing on its host', () => {
  const instance = testInstance()

  beforeAll(async () => {
    await down(instance)
  })
  afterEach(async () => {
    await down(instance)
  })

  async function expectSame(snapshot: HostSnapshot): Promise<void> {
    const { before, after } = comparable(snapshot, await hostSnapshot(instance))
    expect(after).toEqual(before)
    expect(existsSync(instance.root)).toBe(false)
  }

  test('after down', async () => {
    const before = await hostSnapshot(instance)

    await up({ instance, contents: SITES_ONLY })
    const during = await hostSnapshot(instance)
    expect(during.processes.length).toBeGreaterThan(20)
    expect(during.mounts.length).toBeGreaterThan(before.mounts.length)
    expect(during.cgroups.length).toBeGreaterThan(before.cgroups.length)
    for (const network of ['nftables', 'rules', 'routes', 'links'] as const) {
      expect(during[network], network).toEqual(before[network])
    }

    await down(instance)
    await expectSame(before)
  })

  test('after its holder was killed, and the next up finds clean ground', async () => {
    const before = await hostSnapshot(instance)

    await up({ instance, contents: SITES_ONLY })
    const holder = await holderOf(instance.lock)
    process.kill(holder?.pid ?? 0, 'SIGKILL')
    while ((await holderOf(instance.lock)) !== undefined) await sleep(20)
    expect((await status(instance)).state).toBe('left over')

    await up({ instance, contents: SITES_ONLY })
    expect((await status(instance)).state).toBe('up')

    await down(instance)
    await expectSame(before)
  })

  test('after an up that was interrupted half way', async () => {
    const before = await hostSnapshot(instance)

    const stop = new AbortController()
    const interrupted = up({
      ...{ instance, contents: SITES_ONLY, signal: stop.signal },
      progress: ({ label }) => {
        if (label.endsWith('etcd')) stop.abort()
      },
    })
    await expect(interrupted).rejects.toMatchObject({ code: 'lab-command-failed' })
    await expectSame(before)
  })
})
