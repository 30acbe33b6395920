import { describe, expect, test } from 'vitest'
import type { AuthorityStore } from '#authority/store.ts'
import type { Authority, Fence } from '#authority/types.ts'
import { assumptionChecks } from '#daemon/assumptions.ts'
import type { StandbySight } from '#daemon/loss.ts'
import type { Assumptions } from '#engine/ports.ts'
import type { Localized } from '#model/localized.ts'
import type { Assumption, Plan, PlanNode } from '#plan/plan.ts'

const now = Date.parse('2026-11-24T06:00:00Z')
const at = '2026-11-24T05:00:00.000Z'
const statement = { ko: '', en: '' }
const all: Assumption[] = [
  { kind: 'source-silent', subject: 'daejeon', statement, bound: { site: 'daejeon' } },
  { kind: 'fence', subject: 'daejeon', statement, bound: { kind: 'attested', site: 'daejeon' } },
  { kind: 'active-site', subject: 'GPK', statement, bound: { site: 'daejeon', epoch: 1 } },
  {
    kind: 'recovery-point',
    subject: 'GPK',
    statement,
    bound: { from: 'standby', site: 'gwangju', host: 'db', port: 1 },
  },
  { kind: 'loss-bound', subject: 'GPK', statement, bound: { seconds: 60 } },
  { kind: 'active-site', subject: 'AID', statement, bound: { site: 'daejeon', epoch: 1 } },
]
const lastSeen = Date.parse('2026-11-24T05:30:00Z') / 1000
/** A plan of that time: what was seen of the source when it was made is stored with it. */
const planOf = ({ assumptions = all, kept }: World) =>
  ({
    subject: { fromSite: 'daejeon', toSite: 'gwangju', assumptions },
    observed: { forecast: { loss: { GPK: { sourceHeartbeatAt: kept ?? null } } } },
  }) as unknown as Plan
const promote = { id: 'GPK/promote', type: 'pg.promote', system: 'GPK' } as PlanNode

interface World {
  site?: string
  epoch?: number
  runId?: string | null
  before?: { site: string; epoch: number }
  vantages?: { vantage: string; answered: boolean; why: string }[]
  silent?: boolean
  /** Seconds between the source's last heartbeat and the standby's, look after look; null: the source was never seen. */
  loss?: number | null
  /** What the standby says, look after look: it is the last one that stays. */
  sights?: (Partial<StandbySight> | 'away' | 'none')[]
  claimed?: boolean
  replanned?: Localized
  kept?: string
  assumptions?: Assumption[]
  fence?: Partial<Fence> | undefined
}

function broken(world: World, node: PlanNode | null) {
  const authority: Authority = {
    system: 'GPK',
    site: world.site ?? 'daejeon',
    epoch: world.epoch ?? 1,
    runId: world.runId ?? null,
    at,
  }
  const fence: Fence = {
    ...{ runId: 'F-1', system: 'GPK', site: 'daejeon', kind: 'attested', epoch: 2 },
    ...{ proof: {}, expiresAt: null, debt: 'open', recordedAt: at },
    ...world.fence,
  }
  const store = {
    current: async () => authority,
    before: async () => ({ ...authority, site: 'daejeon', epoch: 1, runId: null, ...world.before }),
    epochOf: async (runId: string) => (authority.runId === runId ? authority.epoch : undefined),
    promotionClaim: async () => (world.claimed === true ? {} : undefined),
    fence: async () => ('fence' in world && world.fence === undefined ? undefined : fence),
  } as unknown as AuthorityStore
  const sights = [...(world.sights ?? [{}])]
  const checks: Assumptions = assumptionChecks({
    authority: store,
    silence: {
      look: async () => ({ silent: world.silent ?? true, at, vantages: world.vantages ?? [] }),
    },
    clock: { now: () => now, sleep: async () => undefined },
    replanned: async () => world.replanned,
    sourceHeartbeat: () => (world.loss === null ? undefined : lastSeen),
    standby: async () => {
      const sight = sights.length > 1 ? sights.shift() : sights[0]
      if (sight === 'away') throw new Error('10.72.0.5:5432 did not answer')
      if (sight === 'none') return undefined
      return { standby: true, replayed: true, heartbeatAt: lastSeen - (world.loss ?? 0), ...sight }
    },
  })
  const moment = node === null ? ('start' as const) : ('point-of-no-return' as const)
  const plan = planOf(world)
  const check = { runId: 'F-1', plan, moment, node, again: false, signal: new AbortController().signal }
  return checks.broken(check).then((list) =>
    list.map((one) => {
      expect(one.whyKo, one.why).toMatch(/[가-힣]/)
      return `${one.assumption.kind} ${one.assumption.subject}`
    }),
  )
}

const taken: World = { runId: 'F-1', site: 'gwangju', epoch: 2 }
const answers = [{ vantage: 'peer of daejeon', answered: true, why: 'it answers' }]

describe('assumptions, proven now', () => {
  test('nothing is broken while the source is silent and everything is where the plan says', async () => {
    expect(await broken({}, null)).toEqual([])
    expect(await broken(taken, promote)).toEqual([])
  })

  test('a source that answers breaks the plan, at the start and before a point of no return', async () => {
    expect(await broken({ silent: false, vantages: answers }, null)).toEqual(['source-silent daejeon'])
    expect(await broken({ ...taken, silent: false, vantages: answers }, promote)).toEqual([
      'source-silent daejeon',
      'fence daejeon',
    ])
  })

  test('where nobody could look, it cannot be told: that is neither broken nor fine', async () => {
    const blind = [{ vantage: 'peer of daejeon', answered: false, why: 'could not look' }]
    await expect(broken({ silent: false, vantages: blind }, null)).rejects.toThrow(
      'no vantage point could look',
    )
  })

  test('a system that somebody else moved since breaks the plan', async () => {
    expect(await broken({ site: 'gwangju', epoch: 2, runId: 'F-0' }, null)).toEqual([
      'active-site GPK',
      'active-site AID',
    ])
    expect(await broken({ epoch: 3 }, null)).toEqual(['active-site GPK', 'active-site AID'])
  })

  test('a system that somebody moved before this run took it breaks the plan, the run holding the newest epoch or not', async () => {
    const moved = { ...taken, epoch: 3, before: { site: 'daegu', epoch: 2 } }
    const fence = { epoch: 3 }
    expect(await broken({ ...moved, fence }, promote)).toEqual(['active-site GPK'])
    const renewed = { site: 'daejeon', epoch: 2 }
    expect(await broken({ ...moved, fence, before: renewed }, promote)).toEqual(['active-site GPK'])
  })

  test('without its fence, or when that ran out, nothing is promoted', async () => {
    expect(await broken({ ...taken, fence: undefined }, promote)).toEqual(['fence daejeon'])
    expect(await broken({ ...taken, fence: { expiresAt: '2026-11-24T05:59:00.000Z' } }, promote)).toEqual([
      'fence daejeon',
    ])
    expect(await broken({ ...taken, fence: { epoch: 1 } }, promote)).toEqual(['fence daejeon'])
    expect(await broken({}, promote)).toEqual(['fence daejeon'])
  })

  test('actions that would be planned otherwise break the plan at its start; later what was approved is what runs', async () => {
    const replanned = { en: 'GPK/promote would be another one', ko: '다른 단계' }
    expect(await broken({ replanned }, null)).toEqual(['actions gwangju'])
    expect(await broken({ ...taken, replanned }, promote)).toEqual([])
  })

  test('a fence that is weaker than the one agreed to breaks the plan; a stronger one does not', async () => {
    const active: Assumption[] = [
      { kind: 'fence', subject: 'daejeon', statement, bound: { kind: 'active', site: 'daejeon' } },
    ]
    expect(await broken({ ...taken, assumptions: active }, promote)).toEqual(['fence daejeon'])
    expect(await broken({ ...taken, assumptions: active, fence: { kind: 'active' } }, promote)).toEqual([])
    expect(await broken({ ...taken, fence: { kind: 'power' } }, promote)).toEqual([])
  })

  test('a database that is no standby any more breaks the recovery point, unless this run promoted it', async () => {
    expect(await broken({ ...taken, sights: [{ standby: false }] }, promote)).toEqual(['recovery-point GPK'])
    expect(await broken({ ...taken, sights: ['none'] }, promote)).toEqual(['recovery-point GPK'])
    expect(await broken({ ...taken, sights: [{ standby: false }], claimed: true }, promote)).toEqual([])
    expect(await broken({ sights: [{ standby: false }] }, null)).toEqual([])
  })

  test('a loss above the bound breaks the plan, before the promotion only', async () => {
    expect(await broken({ ...taken, loss: 61 }, promote)).toEqual(['loss-bound GPK'])
    expect(await broken({ ...taken, loss: 60 }, promote)).toEqual([])
    expect(await broken({ ...taken, loss: 61 }, { ...promote, type: 'dns.switch' })).toEqual([])
    expect(await broken({ loss: 61 }, null)).toEqual([])
  })

  test('what the standby has received and not replayed yet is waited for', async () => {
    const behind = { replayed: false, heartbeatAt: lastSeen - 90 }
    expect(await broken({ ...taken, sights: [{}, behind, behind, {}] }, promote)).toEqual([])
    const lost = { heartbeatAt: lastSeen - 90 }
    expect(await broken({ ...taken, sights: [{}, behind, lost] }, promote)).toEqual(['loss-bound GPK'])
  })

  test('a loss that cannot be told does not pass: the engine looks again, and then asks', async () => {
    await expect(broken({ ...taken, sights: ['away'] }, promote)).rejects.toThrow('did not answer')
    await expect(broken({ ...taken, loss: null }, promote)).rejects.toThrow('cannot be told')
    await expect(broken({ ...taken, sights: [{ heartbeatAt: null }] }, promote)).rejects.toThrow(
      'cannot be told',
    )
  })

  test('what was seen of the source when the plan was made still counts after a restart', async () => {
    const kept = '2026-11-24T05:30:00.000Z'
    expect(await broken({ ...taken, loss: null, kept }, promote)).toEqual([])
    const sights = [{ heartbeatAt: lastSeen - 61 }]
    expect(await broken({ ...taken, loss: null, kept, sights }, promote)).toEqual(['loss-bound GPK'])
  })

  test('a loss that people agreed not to know is not asked about', async () => {
    const unknown: Assumption[] = [
      { kind: 'loss-bound', subject: 'GPK', statement, bound: { seconds: null } },
    ]
    expect(await broken({ ...taken, assumptions: unknown, sights: ['away'] }, promote)).toEqual([])
  })
})
