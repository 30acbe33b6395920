import { describe, expect, test } from 'vitest'
import type { FindingEvent, FindingSeen } from '#finding/finding.ts'
import { findingStore } from '#finding/store.ts'
import { databasePerTest } from '../support/postgres.ts'

const database = databasePerTest()
const seen = (rule: string, subject: string, second = 0): FindingSeen => ({
  rule,
  subject,
  severity: 'critical',
  message: { ko: '이유', en: `reason ${second}` },
  facts: { second },
  since: `2026-11-24T06:00:0${second}.000Z`,
})
const at = '2026-11-24T06:10:00.000Z'

function store() {
  const events: FindingEvent[] = []
  const findings = findingStore(database().pool, async (_tx, event) => void events.push(event))
  return { findings, kinds: () => events.map(({ kind, subject }) => `${kind} ${subject}`) }
}

describe('findings', () => {
  test('one that goes on is refreshed and keeps the moment at which it was first seen', async () => {
    const { findings, kinds } = store()
    await findings.reconcile(['system-down'], [seen('system-down', 'GPK', 1)], at, 'monitor')
    await findings.reconcile(['system-down'], [seen('system-down', 'GPK', 5)], at, 'monitor')
    const [found, ...more] = await findings.list()
    expect(more).toEqual([])
    expect(found).toMatchObject({
      since: '2026-11-24T06:00:01.000Z',
      message: { en: 'reason 5' },
      state: 'open',
    })
    expect(kinds()).toEqual(['finding.opened GPK'])
  })

  test('what is no longer seen is closed, of the given rules only; seen again it is a new one', async () => {
    const { findings, kinds } = store()
    await findings.report(seen('backup-failed', 'GPK'), 'backup')
    await findings.reconcile(
      ['system-down'],
      [seen('system-down', 'GPK'), seen('system-down', 'AID')],
      at,
      'monitor',
    )
    await findings.reconcile(['system-down'], [seen('system-down', 'AID')], at, 'monitor')
    expect(
      (await findings.list({ states: ['open'] })).map(({ rule, subject }) => `${rule} ${subject}`),
    ).toEqual(['system-down AID', 'backup-failed GPK'])
    await findings.reconcile(['system-down'], [seen('system-down', 'GPK', 7)], at, 'monitor')
    expect(await findings.list({ rule: 'system-down', subject: 'GPK' })).toHaveLength(2)
    expect(kinds()).toEqual([
      'finding.opened GPK',
      'finding.opened GPK',
      'finding.opened AID',
      'finding.closed GPK',
      'finding.opened GPK',
      'finding.closed AID',
    ])
  })

  test('a risk that was accepted stays accepted until its day, then it is open again', async () => {
    const { findings } = store()
    await findings.report(seen('system-down', 'GPK'), 'monitor')
    expect(await findings.accept('system-down', 'GPK', '2099-01-01T00:00:00Z', 'owner-1', at, 'known')).toBe(
      true,
    )
    await findings.report(seen('system-down', 'GPK'), 'monitor')
    expect((await findings.list())[0]).toMatchObject({ state: 'accepted', acceptedBy: 'owner-1' })
    await findings.accept('system-down', 'GPK', '2020-01-01T00:00:00Z', 'owner-1', at, 'known')
    await findings.report(seen('system-down', 'GPK'), 'monitor')
    expect((await findings.list())[0]?.state).toBe('open')
    expect(await findings.accept('system-down', 'NONE', at, 'owner-1', at, 'x')).toBe(false)
  })

  test('when the ledger cannot be written, nothing is', async () => {
    const findings = findingStore(database().pool, async () => {
      throw new Error('the ledger is away')
    })
    await expect(findings.report(seen('system-down', 'GPK'), 'monitor')).rejects.toThrow('the ledger is away')
    expect(await findings.list()).toEqual([])
  })

  test('two that reconcile at once leave one finding of each', async () => {
    const { findings } = store()
    const all = ['A', 'B', 'C'].map((subject) => seen('system-down', subject))
    await Promise.all(
      Array.from({ length: 6 }, () => findings.reconcile(['system-down'], all, at, 'monitor')),
    )
    expect(await findings.list()).toHaveLength(3)
  })
})
