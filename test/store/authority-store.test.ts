import { describe, expect, test } from 'vitest'
import { proveFence } from '#authority/fence.ts'
import { authorityStore } from '#authority/store.ts'
import { systemClock } from '#platform/clock.ts'
import { databasePerTest } from '../support/postgres.ts'
import { testPorts } from '../support/ports.ts'

const database = databasePerTest()
const store = () => authorityStore(database().pool, systemClock)
const later = () => new Date(Date.now() + 600_000).toISOString()

async function fence(runId: string, expiresAt: string | null = later(), system = 'GPK'): Promise<void> {
  await store().recordFence({ runId, system, site: 'daejeon', kind: 'attested', proof: {}, expiresAt }, null)
}

describe('authority on record', () => {
  test('a system begins with epoch 1 at its home, and seeding again changes nothing', async () => {
    await store().seed([{ system: 'GPK', site: 'daejeon' }])
    await store().seed([
      { system: 'GPK', site: 'gwangju' },
      { system: 'UNI', site: 'gwangju' },
    ])
    expect(await store().all()).toMatchObject([
      { system: 'GPK', epoch: 1, site: 'daejeon', runId: null },
      { system: 'UNI', epoch: 1, site: 'gwangju', runId: null },
    ])
  })

  test('two daemons that start at once seed each system once', async () => {
    const homes = ['A1', 'B2', 'C3', 'D4'].map((system) => ({ system, site: 'daejeon' }))
    await Promise.all([store().seed(homes), store().seed([...homes].reverse()), store().seed(homes)])
    expect(await store().all()).toHaveLength(4)
  })

  test('an epoch is never changed, removed or followed by a lower one, whoever tries', async () => {
    await store().learn({ system: 'GPK', epoch: 5, site: 'gwangju', runId: 'far' })
    const { pool } = database()
    await expect(pool.query('UPDATE authority_epoch SET epoch = 6')).rejects.toThrow(
      'never changed or removed',
    )
    await expect(pool.query('DELETE FROM authority_epoch')).rejects.toThrow('never changed or removed')
    const lower = "INSERT INTO authority_epoch VALUES ('GPK', 4, 'daejeon', NULL, now())"
    await expect(pool.query(lower)).rejects.toThrow('not above the newest')
    expect(await store().learn({ system: 'GPK', epoch: 5, site: 'daejeon', runId: null })).toBe(false)
    expect(await store().current('GPK')).toMatchObject({ epoch: 5, site: 'gwangju' })
  })

  test('what stood before an epoch can be told, gaps between epochs or not', async () => {
    await store().seed([{ system: 'GPK', site: 'daejeon' }])
    await store().learn({ system: 'GPK', epoch: 5, site: 'gwangju', runId: 'far' })
    expect(await store().before('GPK', 5)).toMatchObject({ epoch: 1, site: 'daejeon' })
    expect(await store().before('GPK', 1)).toBeUndefined()
  })

  test('a system that a run took and never promoted is told, with the site that it left, until one is promoted', async () => {
    await store().seed([
      { system: 'GPK', site: 'daejeon' },
      { system: 'UNI', site: 'gwangju' },
    ])
    const left = async (site: string) => [...(await store().takenOnly(site))]
    expect(await left('gwangju')).toEqual([])
    await fence('run-1')
    await store().acquire({ runId: 'run-1', system: 'GPK', site: 'gwangju', seenEpoch: 1 })
    await fence('run-2')
    const again = await store().acquire({ runId: 'run-2', system: 'GPK', site: 'gwangju', seenEpoch: 1 })
    expect(await left('gwangju')).toEqual([['GPK', 'daejeon']])
    expect(await left('daejeon')).toEqual([])
    const claim = { runId: 'run-2', system: 'GPK', epoch: again.epoch, timeline: 1, lsn: '0/1' }
    await store().claimPromotion(claim)
    await fence('run-3')
    await store().acquire({ runId: 'run-3', system: 'GPK', site: 'gwangju', seenEpoch: 1 })
    expect(await left('gwangju')).toEqual([])
  })

  test('a promotion under the very first epoch at a site counts, and one from before it does not', async () => {
    await store().seed([{ system: 'GPK', site: 'daejeon' }])
    const claim = { system: 'GPK', timeline: 1, lsn: '0/1' }
    await store().claimPromotion({ ...claim, runId: 'run-0', epoch: 1 })
    await fence('run-1')
    const { epoch } = await store().acquire({ runId: 'run-1', system: 'GPK', site: 'gwangju', seenEpoch: 1 })
    expect([...(await store().takenOnly('gwangju'))]).toEqual([['GPK', 'daejeon']])
    await store().claimPromotion({ ...claim, runId: 'run-1', epoch })
    expect([...(await store().takenOnly('gwangju'))]).toEqual([])
  })

  test('a new epoch stands above the newest on record, and above what was seen at the target', async () => {
    await store().seed([{ system: 'GPK', site: 'daejeon' }])
    const epochOf = async (runId: string, seenEpoch: number) => {
      await fence(runId)
      return (await store().acquire({ runId, system: 'GPK', site: 'gwangju', seenEpoch })).epoch
    }
    expect(await epochOf('run-1', 7)).toBe(8)
    expect(await epochOf('run-2', 3)).toBe(9)
  })

  test('a fence is renewed only as it was when it was looked at', async () => {
    await fence('run-1')
    const first = await store().fence('run-1', 'GPK')
    const renewal = { runId: 'run-1', system: 'GPK', site: 'daejeon', kind: 'attested', proof: {} } as const
    const at = { ...renewal, expiresAt: later() }
    await expect(store().recordFence(at, '2000-01-01T00:00:00.000Z')).rejects.toThrow('another was recorded')
    expect(await store().fence('run-1', 'GPK')).toEqual(first)
    expect(await store().recordFence(at, first?.recordedAt ?? null)).toMatchObject(at)
  })

  test("a fence that cuts power goes before people's word, whichever is newer", async () => {
    const power = { site: 'daejeon', kind: 'power', proof: {}, expiresAt: null } as const
    for (const runId of ['run-1', 'run-2']) {
      if (runId === 'run-1') await fence(runId)
      await store().recordFence({ ...power, runId, system: 'GPK' }, null)
      if (runId === 'run-2') await fence(runId)
      expect(await store().fence(runId, 'GPK')).toMatchObject({ kind: 'power' })
    }
  })

  test('the same run gets the same epoch however often and at once it asks', async () => {
    await store().seed([{ system: 'GPK', site: 'daejeon' }])
    await fence('run-1')
    const request = { runId: 'run-1', system: 'GPK', site: 'gwangju', seenEpoch: 1 }
    const taken = await Promise.all(Array.from({ length: 8 }, () => store().acquire(request)))
    expect(new Set(taken.map(({ epoch }) => epoch))).toEqual(new Set([2]))
    expect(await store().fence('run-1', 'GPK')).toMatchObject({ epoch: 2, debt: 'open' })
  })

  test('two runs that ask at once get different epochs, and only the later one holds the system', async () => {
    await store().seed([{ system: 'GPK', site: 'daejeon' }])
    await fence('run-1')
    await fence('run-2')
    const [one, two] = await Promise.all(
      ['run-1', 'run-2'].map((runId) =>
        store().acquire({ runId, system: 'GPK', site: 'gwangju', seenEpoch: 1 }),
      ),
    )
    expect(new Set([one?.epoch, two?.epoch])).toEqual(new Set([2, 3]))
    const held = await Promise.all(['run-1', 'run-2'].map((runId) => store().epochOf(runId, 'GPK')))
    expect(held.filter((epoch) => epoch !== undefined)).toEqual([3])
  })

  test('a fence of another run, of another system, or run out, gives no epoch', async () => {
    await store().seed([{ system: 'GPK', site: 'daejeon' }])
    await fence('run-1')
    await fence('run-2', later(), 'AID')
    await fence('run-3', new Date(Date.now() - 1000).toISOString())
    for (const runId of ['run-2', 'run-3']) {
      const request = { runId, system: 'GPK', site: 'gwangju', seenEpoch: 1 }
      await expect(store().acquire(request)).rejects.toMatchObject({ code: 'authority-without-fence' })
    }
    expect(await store().current('GPK')).toMatchObject({ epoch: 1 })
  })

  test('a fence gives an epoch up to the instant at which it runs out, and none at it', async () => {
    await store().seed([{ system: 'GPK', site: 'daejeon' }])
    const end = Date.now() + 600_000
    await fence('run-1', new Date(end).toISOString())
    const acquireAt = (now: number) =>
      authorityStore(database().pool, { ...systemClock, now: () => now }).acquire({
        ...{ runId: 'run-1', system: 'GPK', site: 'gwangju', seenEpoch: 1 },
      })
    await expect(acquireAt(end)).rejects.toMatchObject({ code: 'authority-without-fence' })
    expect(await acquireAt(end - 1)).toMatchObject({ epoch: 2 })
  })

  test('a claim of promotion stays as it was said first', async () => {
    await store().seed([{ system: 'GPK', site: 'daejeon' }])
    const claim = { runId: 'run-1', system: 'GPK', epoch: 1, timeline: 3, lsn: '0/30' }
    const first = await store().claimPromotion(claim)
    expect(await store().claimPromotion({ ...claim, timeline: 4, lsn: '0/40' })).toEqual(first)
  })
})

describe('a fence proven right before a promotion', () => {
  async function held() {
    await store().seed([{ system: 'GPK', site: 'daejeon' }])
    await fence('run-1')
    const { epoch } = await store().acquire({ runId: 'run-1', system: 'GPK', site: 'gwangju', seenEpoch: 1 })
    const ports = testPorts()
    const parts = {
      ...{ authority: store(), silence: ports.silence, clock: systemClock },
      signal: new AbortController().signal,
    }
    return { parts, ports, holding: { runId: 'run-1', system: 'GPK', epoch } }
  }

  test('holds while it is on record, bound to run and epoch, unexpired, and the source is silent', async () => {
    const { parts, holding } = await held()
    expect(await proveFence(parts, holding)).toMatchObject({ kind: 'attested', epoch: 2 })
  })

  test('does not hold for another epoch or another run', async () => {
    const { parts, holding } = await held()
    await expect(proveFence(parts, { ...holding, epoch: 3 })).rejects.toMatchObject({
      code: 'authority-lost',
    })
    await expect(proveFence(parts, { ...holding, runId: 'run-2' })).rejects.toMatchObject({
      code: 'authority-lost',
    })
  })

  test('does not hold once somebody took a newer epoch', async () => {
    const { parts, holding } = await held()
    await store().learn({ system: 'GPK', epoch: 9, site: 'daegu', runId: 'far' })
    await expect(proveFence(parts, holding)).rejects.toMatchObject({ code: 'authority-lost' })
  })

  test('does not hold after it has run out', async () => {
    const { parts, holding } = await held()
    const clock = { ...systemClock, now: () => Date.now() + 700_000 }
    await expect(proveFence({ ...parts, clock }, holding)).rejects.toMatchObject({
      code: 'authority-without-fence',
    })
  })

  test('holds up to the instant at which it runs out, and not at it', async () => {
    const { parts, holding } = await held()
    const { expiresAt } = await proveFence(parts, holding)
    const proveAt = (now: number) =>
      proveFence({ ...parts, clock: { ...systemClock, now: () => now } }, holding)
    const end = Date.parse(expiresAt ?? '')
    expect(await proveAt(end - 1)).toMatchObject({ epoch: 2 })
    await expect(proveAt(end)).rejects.toMatchObject({ code: 'authority-without-fence' })
  })

  test('is not proven when nobody could look', async () => {
    const { parts, holding } = await held()
    const vantages = [{ vantage: 'peer', answered: false, why: 'it could not look' }]
    const silence = { look: () => Promise.resolve({ silent: false, at: later(), vantages }) }
    await expect(proveFence({ ...parts, silence }, holding)).rejects.toMatchObject({ name: 'NoAnswer' })
  })

  test('does not hold when the source answers to anyone', async () => {
    const { parts, ports, holding } = await held()
    ports.source.answers = true
    await expect(proveFence(parts, holding)).rejects.toMatchObject({ code: 'source-answers' })
  })
})
