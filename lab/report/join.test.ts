import { describe, expect, it } from 'vitest'
import type { RecordLine } from '../citizens/record.ts'
import type { HaetaeFacts } from './haetae-facts.ts'
import { renderHtml } from './html.ts'
import { joinReport, type JoinInput } from './join.ts'

const loss = Date.parse('2026-03-01T00:00:00.000Z')
const at = (seconds: number) => loss + seconds * 1000
const iso = (seconds: number) => new Date(at(seconds)).toISOString()

const times = {
  ...{ detected: iso(5), declared: iso(20), approved: iso(25), fenced: iso(26) },
  ...{ promoted: iso(28), up: iso(30), verified: iso(31), open: iso(32) },
}

function facts(change: Partial<HaetaeFacts> = {}): HaetaeFacts {
  return {
    run: {
      ...{ id: 'failover-1', state: 'succeeded', toSite: 'gwangju' },
      ...{ requester: 'operator-1', reason: 'power lost', planDigest: 'sha256:aa' },
      ...{ createdAt: iso(20), endedAt: iso(33) },
      times: [
        { system: 'GPK', wave: 1, ...times },
        { system: 'GOV', wave: 2, ...times },
      ],
      fenceDebts: [{ system: 'GPK', since: iso(26), by: ['approver-1', 'approver-2'] }],
      graph: [
        { id: 'GPK/check', skipped: { by: 'sre-1', reason: 'checked by hand' } },
        { id: 'GOV/check', skipped: null },
      ],
      gates: [
        { gate: 'approve', brokenBy: [{ principal: 'commander-1', reason: 'nobody else is reached' }] },
        { gate: 'attest', brokenBy: [] },
      ],
    },
    plan: {
      systems: [
        { system: 'GPK', wave: 1, why: ['first'], rtoTargetMs: 1_800_000, rpoTargetMs: 0 },
        { system: 'GOV', wave: 2, why: ['needs GPK'], rtoTargetMs: 10_000, rpoTargetMs: 300_000 },
      ],
      notes: [{ ko: '참고', en: 'a note' }],
    },
    statements: [{ purpose: 'declare', principal: 'operator-1', receivedAt: iso(20), sources: [] }],
    systems: ['GPK', 'GOV', 'PAT', 'UNI'].map((id) => ({
      ...{ id, name: { ko: `${id} 이름`, en: `${id} name` }, grade: 'G1' },
      ...{ activeSite: 'gwangju', health: 'up' },
    })),
    backups: [
      { system: 'GPK', outcome: 'succeeded', verified: true },
      { system: 'GOV', outcome: 'failed', verified: false },
    ],
    journal: [
      { at: iso(28), node: 'GOV/promote', data: { output: { lastHeartbeatAt: iso(-1.5), timeline: 2 } } },
    ],
    sourceHeartbeats: { GOV: at(-0.5), GPK: at(-0.5) },
    ...change,
  }
}

const ack = (system: string, id: string, seconds: number): RecordLine => ({
  ...{ kind: 'acknowledged', system, id, address: '10.71.1.4' },
  ...{ sentAt: at(seconds) - 10, acknowledgedAt: at(seconds) },
})

const record: RecordLine[] = [
  { kind: 'away', system: 'GOV', since: at(-100), why: 'starting' },
  { kind: 'back', system: 'GOV', since: at(-100), until: at(-90), failures: 3 },
  ack('GOV', 'GOV-1', -10),
  ack('GOV', 'GOV-2', -0.2),
  { kind: 'away', system: 'GOV', since: at(0.1), why: 'no answer' },
  { kind: 'back', system: 'GOV', since: at(0.1), until: at(34.1), failures: 17 },
  ack('GOV', 'GOV-3', 34.1),
  ack('GPK', 'GPK-1', -1),
  { kind: 'away', system: 'PAT', since: at(2), why: '503' },
  ack('UNI', 'UNI-1', 1),
]

function input(change: Partial<JoinInput> = {}): JoinInput {
  return {
    instance: 'test',
    siteNames: {
      daejeon: { ko: '대전센터', en: 'Daejeon Center' },
      gwangju: { ko: '광주센터', en: 'Gwangju Center' },
    },
    loss: { site: 'daejeon', at: loss },
    byTheLab: true,
    haetae: facts(),
    record,
    stored: new Map([
      ['GOV', new Set(['GOV-1', 'GOV-3', 'haetae-check'])],
      ['GPK', new Set(['GPK-1'])],
      ['PAT', new Set<string>()],
      ['UNI', new Set(['UNI-1'])],
    ]),
    needs: new Map([
      ['GOV', ['GPK']],
      ['PAT', ['GOV']],
    ]),
    now: at(60),
    ...change,
  }
}

const system = (id: string, change: Partial<JoinInput> = {}) => {
  const found = joinReport(input(change)).systems.find((entry) => entry.id === id)
  if (found === undefined) throw new Error(`${id} is not in the report`)
  return found
}

describe("the join of Haetae's facts and the citizens' record", () => {
  it('lists acknowledged transactions that the database which serves now does not have', () => {
    expect(system('GOV').citizens.lost).toEqual([
      { id: 'GOV-2', acknowledgedAt: iso(-0.2), address: '10.71.1.4' },
    ])
    expect(system('GPK').citizens.lost).toEqual([])
    expect(joinReport(input()).totals).toMatchObject({ acknowledged: 5, lost: 1 })
  })

  it('counts time without service from the loss on, not what was away before it', () => {
    expect(system('GOV').citizens.awayMs).toBe(34_000)
    expect(system('GOV').citizens.away).toHaveLength(1)
    expect(system('UNI').citizens.awayMs).toBe(0)
  })

  it('says that a system is still away instead of giving it a time', () => {
    expect(system('PAT').citizens.awayMs).toBeNull()
    expect(joinReport(input()).totals.allServingMs).toBeNull()
  })

  it('tells what moved from what stood still for want of another, and from what went on', () => {
    const parts = joinReport(input()).systems.map(({ id, part }) => `${id} ${part}`)
    expect(parts).toEqual(['GPK moved', 'GOV moved', 'PAT affected', 'UNI untouched'])
  })

  it('measures the recovery time from detection to open and judges it by its target', () => {
    expect(system('GPK')).toMatchObject({ haetae: { rtoMs: 27_000 }, rtoMet: true })
    expect(system('GOV').rtoMet).toBe(false)
  })

  it("measures the recovery point by the source's own heartbeats", () => {
    expect(system('GOV').haetae.rpo).toMatchObject({ ms: 1000, errorMs: 2000 })
    expect(system('GOV').rpoMet).toBe(true)
  })

  it('meets a recovery point of 0 only when nothing acknowledged is missing', () => {
    expect(system('GPK').rpoMet).toBe(true)
    const stored = new Map(input().stored).set('GPK', new Set(['other']))
    expect(system('GPK', { stored }).rpoMet).toBe(false)
  })

  it('judges no recovery point when the ids could not be looked up, and counts nothing as lost', () => {
    const stored = new Map(input().stored).set('GOV', { why: 'no answer' } as never)
    expect(system('GOV', { stored })).toMatchObject({
      rpoMet: null,
      citizens: { lost: [], lookedUp: 'no answer' },
    })
  })

  it('tells where people went another way than the plan, by whom and why', () => {
    expect(joinReport(input()).departures.map(({ en }) => en)).toEqual([
      'GPK/check: left out by sre-1 — checked by hand',
      'approve: opened by commander-1 by break-glass, to be reviewed by two others — nobody else is reached',
    ])
  })

  it('does not measure the recovery point of a system whose heartbeat was not seen', () => {
    expect(system('GPK').haetae.rpo).toBeNull()
  })
})

describe('the page of the report', () => {
  it('shows both languages and reaches for nothing outside of itself', () => {
    const page = renderHtml(joinReport(input()))
    expect(page).toContain('GOV-2')
    expect(page).toContain('<main lang="ko">')
    expect(page).toContain('<main lang="en">')
    expect(page).toContain('✘ missed')
    expect(page).not.toMatch(/src=|href=|url\(|@import|https?:\/\//)
  })

  it('shows what people wrote as text, never as markup', () => {
    const principal = '<script>x</script>'
    const haetae = facts({
      statements: [{ purpose: 'declare', principal, receivedAt: iso(20), sources: [] }],
    })
    expect(renderHtml(joinReport(input({ haetae })))).not.toContain('<script>')
  })
})
