import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseMark } from '#authority/marker.ts'
import { updateScript } from '#platform/dns/client.ts'
import { actsUnderAuthority, type AnyStepType } from '#runbook/step-type.ts'
import { authorityAttest } from './authority-attest.ts'
import { dnsSwitch } from './dns-switch.ts'
import { epochInTexts, textsWithEpoch } from './epoch-text.ts'
import { stepTypes } from './index.ts'
import { attestInput } from './inputs.ts'
import { isBefore } from './pg-look.ts'
import { pgPromote, type PromoteState } from './pg-promote.ts'

const epoch = fc.integer({ min: 1, max: 999_999_999 })

describe('the epoch in TXT records', () => {
  test('is read back as written, and foreign records are kept', () => {
    const foreign = fc.array(fc.stringMatching(/^[a-z]{1,9}:[ -~]{0,20}$/))
    fc.assert(
      fc.property(foreign, epoch, epoch, (texts, before, after) => {
        const written = textsWithEpoch(textsWithEpoch(texts, before), after)
        expect(epochInTexts(written)).toBe(after)
        expect(written).toHaveLength(texts.length + 1)
        expect(written).toEqual(expect.arrayContaining(texts))
      }),
    )
  })

  test('is none in anything else', () => {
    for (const text of ['epoch=', 'epoch=-1', 'epoch=1x', ' epoch=1', 'epoch=12345678901', 'EPOCH=1']) {
      expect(epochInTexts([text])).toBe(0)
    }
  })
})

test('a mark in the cluster is an epoch and a site, or nothing', () => {
  expect(parseMark('12:gwangju')).toEqual({ epoch: 12, site: 'gwangju' })
  for (const text of [undefined, '', '0:gwangju', '12', '12:', 'x:gwangju', '12:Gwangju', '12:gwangju ']) {
    expect(parseMark(text)).toBeUndefined()
  }
})

test('positions are compared as numbers, not as text', () => {
  const position = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const text = (lsn: bigint) =>
    `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`
  fc.assert(
    fc.property(position, position, (a, b) => {
      expect(isBefore(text(a), text(b))).toBe(a < b)
    }),
  )
})

describe('the commands for nsupdate', () => {
  const zone = { host: '127.0.0.1', port: 53, zone: 'gov.test.' }

  test('hold every prerequisite and change in one send', () => {
    const script = updateScript(
      zone,
      [{ kind: 'equals', name: 'gpk.gov.test', type: 'TXT', values: ['epoch=1'] }],
      [{ kind: 'set', name: 'gpk.gov.test', type: 'A', ttlSeconds: 5, values: ['10.72.1.11'] }],
    )
    expect(script.split('\n')).toEqual([
      'server 127.0.0.1 53',
      'zone gov.test.',
      'prereq yxrrset gpk.gov.test. IN TXT "epoch=1"',
      'update delete gpk.gov.test. IN A',
      'update add gpk.gov.test. 5 IN A 10.72.1.11',
      'send',
      '',
    ])
  })

  test('never hold a line that a name or a value made', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
        const change = { kind: 'set' as const, name, type: 'TXT' as const, ttlSeconds: 5, values: [value] }
        try {
          expect(updateScript(zone, [], [change]).split('\n')).toHaveLength(6)
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
        }
      }),
    )
  })
})

describe('pg.promote judges', () => {
  const input = {
    site: 's',
    host: 'h',
    port: 5432,
    database: 'app',
    system: 'GPK',
    epoch: 2,
    recoveryPoint: null,
  }
  const claim = {
    runId: 'run-1',
    system: 'GPK',
    epoch: 2,
    timeline: 1,
    lsn: '0/1',
    at: '2026-01-01T00:00:00.000Z',
  }
  const state = (change: Partial<PromoteState>): PromoteState => ({
    ...{ inRecovery: true, timeline: 1, receivedLsn: '0/1', replayedLsn: '0/1', lastHeartbeatAt: null },
    ...{ written: { epoch: 1, site: 'daejeon', runId: null }, runId: 'run-1', claim: null },
    ...change,
  })

  test.each([
    ['a standby under an older epoch', state({}), 'absent'],
    ['a standby without any epoch', state({ written: null }), 'absent'],
    ['a standby of our own epoch', state({ written: { epoch: 2, site: 'x', runId: 'run-1' } }), 'unclear'],
    [
      'a primary with our row',
      state({ inRecovery: false, written: { epoch: 2, site: 's', runId: 'run-1' } }),
      'holds',
    ],
    [
      'a primary with our number by another',
      state({ inRecovery: false, written: { epoch: 2, site: 's', runId: 'x' } }),
      'unclear',
    ],
    [
      'a primary with a newer epoch',
      state({ inRecovery: false, written: { epoch: 3, site: 's', runId: 'x' } }),
      'unclear',
    ],
    ['a primary that nobody claimed', state({ inRecovery: false, timeline: 2 }), 'unclear'],
    ['our promotion, epoch not written yet', state({ inRecovery: false, timeline: 2, claim }), 'absent'],
    ['a claim, but the timeline never moved', state({ inRecovery: false, timeline: 1, claim }), 'unclear'],
    [
      'a claim of another epoch',
      state({ inRecovery: false, timeline: 2, claim: { ...claim, epoch: 1 } }),
      'unclear',
    ],
  ] as const)('%s', (_what, seen, judgement) => {
    expect(pgPromote.judge(input, seen)).toBe(judgement)
  })
})

describe('which steps act only under the epoch of their site', () => {
  const workloads = (...replicas: number[]) => ({
    workloads: replicas.map((wanted, index) => ({ deployment: `web-${index}`, replicas: wanted })),
  })
  const jobs = (...suspend: boolean[]) => ({
    jobs: suspend.map((each, index) => ({ name: `job-${index}`, suspend: each })),
  })
  const patching = (patch: object) => ({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', patch })
  const at = { site: 'gwangju', namespace: 'gpk' }

  test.each([
    ['k8s.scale', workloads(0, 0), false],
    ['k8s.scale', workloads(0, 1), true],
    ['k8s.suspend', jobs(true, true), false],
    ['k8s.suspend', jobs(true, false), true],
    ['k8s.patch', patching({ spec: { replicas: 0 } }), false],
    ['k8s.patch', patching({ spec: { suspend: true } }), false],
    ['k8s.patch', patching({ spec: { replicas: 1 } }), true],
    ['k8s.patch', patching({ spec: { replicas: 0, selector: {} } }), true],
    ['k8s.patch', patching({ spec: { suspend: false } }), true],
    ['k8s.patch', patching({ metadata: { labels: { role: 'primary' } } }), true],
  ] as const)('%s %j: %s', (name, given, needed) => {
    const type = stepTypes.get(name) as AnyStepType
    const input = { ...at, ...given }
    expect(type.input.safeParse(input).success).toBe(true)
    expect(actsUnderAuthority(type, input)).toBe(needed)
  })

  test('one whose input is not known yet', () => {
    for (const name of ['k8s.scale', 'k8s.suspend', 'k8s.patch'])
      expect(actsUnderAuthority(stepTypes.get(name) as AnyStepType, { site: '${{ to.site }}' })).toBe(true)
  })

  test('all that changes something but for what stops, fences, acquires, or calls what is not of a site', () => {
    const free = [...stepTypes.values()].filter(
      ({ effect, needsAuthority }) => effect !== 'read' && needsAuthority === false,
    )
    expect(free.map(({ type }) => type).toSorted()).toEqual([
      ...['authority.acquire', 'authority.attest', 'http.call', 'notify', 'pg.pauseWriters', 'pg.stop'],
    ])
  })
})

describe('the list of step types', () => {
  test('names each by its own name, and a point of no return has neither inverse nor an unchecked target', () => {
    for (const [name, type] of stepTypes) {
      expect(type.type).toBe(name)
      if (type.inverse.kind === 'step') expect([...stepTypes.keys()]).toContain(type.inverse.type)
      if (type.effect !== 'point-of-no-return') continue
      expect(type.inverse.kind).toBe('none')
      expect(type.precondition.kind).toBe('checked')
      // What makes a primary needs its epoch; what ends one is there to take it away.
      expect(type.needsAuthority).toBe(name !== 'pg.stop')
    }
  })

  test('what nothing relies on gives nothing to rely on, and can be gone back from', () => {
    const optional = [...stepTypes.values()].filter((type) => type.optional === true)
    expect(optional.map(({ type }) => type)).toContain('notify')
    for (const type of optional) {
      expect(type.output.parse({})).toEqual({})
      expect(type.effect).not.toBe('point-of-no-return')
    }
  })

  test('nobody fences a site alone, whatever a runbook says', () => {
    const input = { system: 'GPK', site: 'daejeon' }
    expect(attestInput.parse(input).quorum).toBe(2)
    expect(attestInput.safeParse({ ...input, quorum: 1 }).success).toBe(false)
  })

  test('unknown fields in a `with` are refused by every type', () => {
    for (const type of stepTypes.values()) {
      const issues = type.input.safeParse({ unknown: true }).error?.issues ?? []
      expect(issues.some((issue: { code: string }) => issue.code === 'unrecognized_keys')).toBe(true)
    }
  })
})

test('a name that stands under the very next epoch already is not for an older one to switch', () => {
  const [address, epoch] = ['10.72.1.2', 4]
  const input = { site: 'gwangju', system: 'GPK', name: 'gpk.go.kr', address, ttlSeconds: 5, epoch }
  const judged = (there: number) =>
    dnsSwitch.judge(input, { addresses: [address], texts: textsWithEpoch([], there) } as never)
  expect([3, 4, 5].map(judged)).toEqual(['absent', 'holds', 'unclear'])
})

test("a person's word counts up to the instant at which it runs out, and a fence of it stands as long", async () => {
  const end = Date.parse('2026-11-24T00:10:00.000Z')
  const expiresAt = new Date(end).toISOString()
  const seenAt = async (now: number) => {
    const readers = {
      authority: { fence: async () => ({ expiresAt }) },
      attestations: { forRun: async () => [{ site: 'daejeon', expiresAt }], peopleFor: async () => 2 },
    }
    const ctx = { runId: 'run-1', clock: { now: () => now }, readers } as never
    const { statements, over } = await authorityAttest.observe(ctx, {
      ...{ system: 'GPK', site: 'daejeon', quorum: 2 },
    })
    return { counting: statements.length, over }
  }
  expect(await seenAt(end - 1)).toEqual({ counting: 1, over: false })
  expect(await seenAt(end)).toEqual({ counting: 0, over: true })
})
