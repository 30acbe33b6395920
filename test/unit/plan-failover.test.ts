import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Estate } from '#estate/estate.ts'
import { loadEstate } from '#estate/load.ts'
import { digestOf } from '#model/digest.ts'
import type { ErrorCode } from '#model/errors.ts'
import { planFailover } from '#plan/failover.ts'
import type { Plan } from '#plan/plan.ts'
import type { FailoverRequest } from '#plan/request.ts'
import { createResolver } from '#plan/resolve.ts'
import { readRunbook } from '#runbook/load.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { stepTypes } from '#steps/index.ts'

const root = new URL('../../', import.meta.url)
const pathOf = (name: string) => new URL(name, root).pathname
const estate = await loadEstate([pathOf('estate/estate.yaml'), pathOf('estate/lab.yaml')])
const text = await readFile(pathOf('runbooks/failover-postgres-web.yaml'), 'utf8')
const nine = ['AID', 'EPP', 'G2B', 'G4B', 'GOV', 'GPK', 'ONN', 'PIS', 'RRS']

function runbook(changed = text): Runbook {
  const { runbook: read, problems } = readRunbook(changed, 'r.yaml', {
    stepTypes,
    sites: ['daejeon', 'gwangju'],
  })
  expect(problems).toEqual([])
  return read as Runbook
}
const shipped = new Map([['failover-postgres-web', runbook()]])
const request: FailoverRequest = {
  estate,
  runbooks: shipped,
  stepTypes,
  world: {
    active: (id) => ({ site: estate.systems.find((system) => system.id === id)?.home ?? '', epoch: 1 }),
  },
  fromSite: 'daejeon',
  toSite: 'gwangju',
  now: 0,
}
const plan = planFailover(request)
const node = (id: string, of: Plan = plan) => {
  const found = of.subject.nodes.find((each) => each.id === id)
  if (found === undefined) throw new Error(`no node ${id}`)
  return found
}
const codeOf = (change: Partial<FailoverRequest>): ErrorCode | undefined => {
  try {
    planFailover({ ...request, ...change })
  } catch (error) {
    return (error as { code: ErrorCode }).code
  }
  return undefined
}
const changed = (systems: Estate['systems'], leftOut = estate.leftOut): Estate => ({
  ...estate,
  systems,
  leftOut,
})
const withStep = (extra: string) => new Map([['failover-postgres-web', runbook(text + extra)]])

describe('the plan when Daejeon is lost', () => {
  test('takes along the nine systems of Daejeon, in waves, and says why each is where it is', () => {
    expect(plan.systems.map(({ system, wave }) => `${wave} ${system}`)).toEqual([
      '1 AID',
      '1 GPK',
      '2 EPP',
      '2 RRS',
      '2 ONN',
      '3 PIS',
      '4 G2B',
      '4 GOV',
      '4 G4B',
    ])
    expect(plan.systems.every(({ recoverability }) => recoverability === 'full')).toBe(true)
    expect(
      plan.systems.every(({ why }) => why.length > 0 && why.every(({ ko, en }) => ko !== '' && en !== '')),
    ).toBe(true)
    expect(plan.systems.find(({ system }) => system === 'AID')).toMatchObject({
      rtoTargetMs: 1_800_000,
      rpoTargetMs: 0,
    })
  })

  test('says what the lab gave and what it leaves out, and who recovers without moving', () => {
    const why = (id: string) =>
      plan.systems
        .find(({ system }) => system === id)
        ?.why.map(({ en }) => en)
        .join(' | ')
    expect(why('GPK')).toContain('the lab gives it the recovery site gwangju')
    expect(why('GOV')).not.toContain('the lab gives')
    expect(why('RRS')).toContain('relies on STO, left out')
    const notes = plan.notes.map(({ en }) => en)
    expect(notes).toContain('HTX does not move; it recovers when AID, RRS serve again')
    expect(notes).toContain('PAT does not move; it recovers when AID serves again')
    expect(notes.some((note) => note.startsWith('DOC is left out'))).toBe(true)
  })

  test('has one approval and one attestation for all, and eight steps a system', () => {
    expect(plan.subject.nodes).toHaveLength(2 + 9 * 8)
    expect(plan.subject.nodes.filter(({ gate }) => gate !== null).map(({ id, gate }) => [id, gate])).toEqual([
      ['approve', { purpose: 'failover', quorum: 2 }],
      ['attest', { purpose: 'attestation', quorum: 2 }],
    ])
    expect(node('AID/fence')).toMatchObject({
      needs: ['approve', 'attest'],
      with: { system: 'AID', site: 'daejeon' },
      wave: 1,
    })
  })

  test('waits for the traffic of what a system cannot serve without before it is checked', () => {
    expect(node('GOV/check').needs.toSorted()).toEqual([
      'AID/traffic',
      'GOV/ready',
      'GPK/traffic',
      'PIS/traffic',
      'RRS/traffic',
    ])
    expect(node('AID/check').needs).toEqual(['AID/ready'])
    expect(node('GOV/promote').needs).toEqual(['GOV/acquire', 'GOV/standby'])
  })

  test('resolves inputs from the estate, and leaves what other steps will give', () => {
    expect(node('GOV/promote').with).toEqual({
      site: 'gwangju',
      host: '10.72.2.4',
      port: 5432,
      database: 'app',
      system: 'GOV',
      recoveryPoint: { $expr: 'steps.standby.receivedLsn' },
      epoch: { $expr: 'steps.acquire.epoch' },
    })
    expect(node('GOV/start').with).toEqual({
      site: 'gwangju',
      namespace: 'gov',
      workloads: [{ deployment: 'web', replicas: 1 }],
    })
    expect(node('GOV/promote')).toMatchObject({
      typeVersion: stepTypes.get('pg.promote')?.version,
      limits: { attemptMs: 30_000, totalMs: 300_000 },
      verify: { withinMs: 30_000, everyMs: 500 },
    })
  })

  test('declares what it takes for granted, with bounds', () => {
    expect(plan.subject.assumptions.map(({ kind, subject }) => `${kind} ${subject}`).slice(0, 5)).toEqual([
      'source-silent daejeon',
      'fence daejeon',
      'active-site AID',
      'recovery-point AID',
      'loss-bound AID',
    ])
    const of = (kind: string, subject: string) =>
      plan.subject.assumptions.find((each) => each.kind === kind && each.subject === subject)?.bound
    expect(of('active-site', 'GOV')).toEqual({ site: 'daejeon', epoch: 1 })
    expect(of('loss-bound', 'GOV')).toEqual({ seconds: 300 })
    expect(of('loss-bound', 'AID')).toEqual({ seconds: 0 })
    expect(of('recovery-point', 'GOV')).toEqual({
      from: 'standby',
      site: 'gwangju',
      host: '10.72.2.4',
      port: 5432,
    })
  })

  test('has no bound for a loss that cannot be told, says so, and is another plan', () => {
    const untold = planFailover({ ...request, lossUntold: ['GOV'] })
    const loss = untold.subject.assumptions.filter(({ kind }) => kind === 'loss-bound')
    const unbounded = loss.filter(({ bound }) => bound['seconds'] === null)
    expect(unbounded).toMatchObject([
      { subject: 'GOV', statement: { en: expect.stringContaining('cannot be told') as string } },
    ])
    expect(loss.length).toBeGreaterThan(1)
    expect(untold.digest).not.toBe(plan.digest)
  })
})

describe('the digest', () => {
  test('is over the subject, and nothing else', () => {
    expect(plan.digest).toBe(digestOf(plan.subject))
    expect(planFailover({ ...request, now: 1e12 }).digest).toBe(plan.digest)
  })

  test('is the same for the same request, however the systems are named', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(nine, { minLength: 9 }), (systems) => {
        expect(planFailover({ ...request, systems }).digest).toBe(plan.digest)
      }),
      { numRuns: 20 },
    )
  })

  test('is another one for a changed runbook, step type, catalogue entry, authority or site', () => {
    const bump = new Map(
      [...stepTypes].map(([name, type]) => [name, name === 'dns.switch' ? { ...type, version: 9 } : type]),
    )
    const bumped = readRunbook(text, 'r.yaml', { stepTypes: bump, sites: [] }).runbook as Runbook
    const first = estate.systems.map((system) =>
      system.id === 'EPP' ? { ...system, owner: 'MOIS' } : system,
    )
    const others = [
      planFailover({
        ...request,
        runbooks: new Map([['failover-postgres-web', runbook(text.replace('quorum: 2', 'quorum: 3'))]]),
      }),
      planFailover({ ...request, runbooks: new Map([['failover-postgres-web', bumped]]), stepTypes: bump }),
      planFailover({ ...request, estate: changed(first) }),
      planFailover({ ...request, world: { active: () => ({ site: 'daejeon', epoch: 7 }) }, systems: nine }),
      planFailover({ ...request, systems: ['AID', 'EPP'] }),
      planFailover({
        ...request,
        estate: { ...estate, targets: { ...estate.targets, G1: { rto: '2h', rpo: '5m' } } },
      }),
    ]
    expect(new Set([plan, ...others].map(({ digest }) => digest)).size).toBe(others.length + 1)
  })

  test('is not touched by an entry that the plan is not about', () => {
    const other = estate.systems.map((system) =>
      system.id === 'UNI' ? { ...system, owner: 'MOIS' } : system,
    )
    expect(planFailover({ ...request, estate: changed(other) }).digest).toBe(plan.digest)
  })
})

describe('a plan is refused', () => {
  test('for a system that is already there, unknown, or somewhere else', () => {
    expect(codeOf({ systems: ['HTX'] })).toBe('already-active')
    expect(codeOf({ systems: ['XXX'] })).toBe('system-unknown')
    expect(codeOf({ fromSite: 'gwangju', toSite: 'daegu', systems: ['AID'] })).toBe('plan-impossible')
    expect(codeOf({ fromSite: 'busan' })).toBe('site-unknown')
    expect(codeOf({ fromSite: 'gwangju' })).toBe('plan-impossible')
  })

  test('when nothing can be moved: nothing is there, or what is named needs what is lost', () => {
    expect(codeOf({ fromSite: 'daegu' })).toBe('plan-impossible')
    expect(codeOf({ systems: ['GOV'] })).toBe('plan-impossible')
    expect(codeOf({ systems: ['GOV', 'AID', 'GPK', 'RRS', 'PIS'] })).toBeUndefined()
  })

  test('for a value that an entry cannot give, with step and field', () => {
    const systems = estate.systems.map((system) =>
      system.id === 'EPP' && system.components !== undefined
        ? { ...system, components: { ...system.components, database: undefined } }
        : system,
    )
    expect(() => planFailover({ ...request, estate: changed(systems as Estate['systems']) })).toThrow(
      expect.objectContaining({
        code: 'plan-impossible',
        why: expect.stringContaining('EPP/standby: to.database.host'),
      }),
    )
  })

  test('for inputs that no runbook has, or of another type', () => {
    expect(codeOf({ inputs: { pace: 'slow' } })).toBe('input-invalid')
    const runbooks = new Map([
      [
        'failover-postgres-web',
        runbook(
          text.replace(
            '\nsteps:',
            '\ninputs: { most: { type: int, title: { ko: 한도, en: Most } } }\n\nsteps:',
          ),
        ),
      ],
    ])
    expect(codeOf({ runbooks })).toBe('input-invalid')
    expect(codeOf({ runbooks, inputs: { most: 1.5 } })).toBe('input-invalid')
    expect(planFailover({ ...request, runbooks, inputs: { most: 3 } }).subject.inputs).toEqual({ most: 3 })
  })
})

describe('the forecast', () => {
  const withSto = estate.leftOut.filter(({ id }) => id !== 'STO')

  test('says not recoverable where a prerequisite cannot move, and for all that need it in turn', () => {
    const short = planFailover({ ...request, estate: changed(estate.systems, withSto) })
    const verdicts = Object.fromEntries(
      short.systems.map(({ system, recoverability }) => [system, recoverability]),
    )
    expect(verdicts).toMatchObject({
      AID: 'full',
      GPK: 'full',
      STO: 'not-recoverable',
      RRS: 'not-recoverable',
      GOV: 'not-recoverable',
    })
    expect(short.systems.find(({ system }) => system === 'RRS')?.why.map(({ en }) => en)).toContain(
      'it needs STO, which will not serve (it has no recovery site)',
    )
    expect(short.subject.nodes.some(({ system }) => system === 'RRS' || system === 'GOV')).toBe(false)
  })

  test('says limited where only a soft dependency is lost', () => {
    const alone = planFailover({ ...request, systems: ['AID', 'EPP'] })
    expect(alone.systems.find(({ system }) => system === 'EPP')).toMatchObject({ recoverability: 'limited' })
  })

  test('lists a system that recovers at another site, or has no recovery site', () => {
    const systems = estate.systems.map((system) =>
      system.id === 'EPP' ? { ...system, recovery: 'daegu' } : system,
    )
    const other = planFailover({ ...request, estate: changed(systems) })
    expect(other.systems.find(({ system }) => system === 'EPP')).toMatchObject({
      recoverability: 'not-recoverable',
      wave: 0,
      why: expect.arrayContaining([
        expect.objectContaining({ en: 'its recovery site is daegu, not gwangju' }),
      ]),
    })
  })

  test('takes a system again that an earlier run took and never promoted', () => {
    const { active } = request.world
    const taken = { site: 'gwangju', epoch: 2, leaves: 'daejeon' }
    const world = { active: (id: string) => (id === 'AID' ? taken : active(id)) }
    const again = planFailover({ ...request, world })
    expect(again.subject.nodes.map(({ id }) => id)).toEqual(plan.subject.nodes.map(({ id }) => id))
    const assumed = again.subject.assumptions.find(
      ({ kind, subject }) => kind === 'active-site' && subject === 'AID',
    )
    expect(assumed?.bound).toEqual({ site: 'gwangju', epoch: 2 })
    expect(planFailover({ ...request, world, systems: ['AID'] }).systems).toHaveLength(1)
    expect(codeOf({ world, fromSite: 'daegu', systems: ['AID'] })).toBe('plan-impossible')
  })

  test('takes systems home again from where they went', () => {
    const home = planFailover({
      ...request,
      fromSite: 'gwangju',
      toSite: 'daejeon',
      world: { active: () => ({ site: 'gwangju', epoch: 2 }) },
      systems: nine,
    })
    expect(home.subject.nodes.find(({ id }) => id === 'GOV/promote')?.with).toMatchObject({
      site: 'daejeon',
      host: '10.71.2.4',
    })
  })
})

describe('the graph', () => {
  const step = (id: string, rest: string) =>
    `\n  - id: ${id}\n    title: { ko: 단계, en: Step }\n    type: pg.status\n    with: { site: x, host: h, port: 1, database: d }\n${rest}`

  test('leaves a step out whose condition is false, and its needs go to what needs it', () => {
    const runbooks = withStep(
      step('extra', '    needs: [ready]\n    when: \'${{ system.grade == "T0" }}\'\n') +
        step('after', '    needs: [extra, check]\n'),
    )
    const made = planFailover({ ...request, runbooks })
    expect(node('AID/after', made).needs).toEqual(['AID/extra', 'AID/check'])
    expect(node('GOV/after', made).needs).toEqual(['GOV/ready', 'GOV/check'])
    expect(made.subject.nodes.some(({ id }) => id === 'GOV/extra')).toBe(false)
  })

  test('asks at a shared gate for as many people as the strictest of its runbooks', () => {
    const strict = runbook(
      text.replace('name: failover-postgres-web', 'name: strict').replace('quorum: 2', 'quorum: 3'),
    )
    for (const id of ['AID', 'GOV']) {
      const systems = estate.systems.map((system) =>
        system.id === id ? { ...system, runbook: 'strict' } : system,
      )
      const made = planFailover({
        ...request,
        estate: changed(systems),
        runbooks: new Map([...shipped, ['strict', strict]]),
      })
      expect(node('approve', made).gate).toEqual({ purpose: 'failover', quorum: 3 })
      expect(Object.keys(made.subject.runbooks).toSorted()).toEqual(['failover-postgres-web', 'strict'])
    }
  })

  test('keeps a gate in the middle as the own gate of each system', () => {
    const runbooks = withStep(
      `\n  - id: accept\n    title: { ko: 인수, en: Accept }\n    type: approval\n    needs: [check]\n    with: { purpose: failover, quorum: 1 }\n`,
    )
    expect(node('GOV/accept', planFailover({ ...request, runbooks }))).toMatchObject({
      system: 'GOV',
      gate: { quorum: 1 },
      needs: ['GOV/check'],
    })
  })

  test('of any set of systems has only edges that lead somewhere, no cycle, and approval before every effect', () => {
    fc.assert(
      fc.property(fc.subarray(nine, { minLength: 1 }), (systems) => {
        const closed = new Set(['AID', 'GPK', 'RRS', 'PIS', ...systems])
        const { nodes } = planFailover({ ...request, systems: [...closed] }).subject
        const needs = new Map(nodes.map(({ id, needs: own }) => [id, own]))
        const before = new Map<string, Set<string>>()
        const walk = (id: string, path: readonly string[]): Set<string> => {
          expect(path).not.toContain(id)
          const known = before.get(id)
          if (known !== undefined) return known
          const own = needs.get(id)
          expect(own).toBeDefined()
          const all = new Set((own ?? []).flatMap((need) => [need, ...walk(need, [...path, id])]))
          before.set(id, all)
          return all
        }
        for (const { id, gate } of nodes) {
          const all = walk(id, [])
          if (gate === null) expect([...all]).toEqual(expect.arrayContaining(['approve', 'attest']))
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('inputs at run time', () => {
  const resolve = createResolver(stepTypes)
  const outputs = new Map<string, unknown>([
    ['GOV/standby', { receivedLsn: '0/3000148' }],
    ['GOV/acquire', { epoch: 2 }],
  ])

  test('take the outputs of the same system', () => {
    expect(resolve(node('GOV/promote'), outputs)).toMatchObject({
      recoveryPoint: '0/3000148',
      epoch: 2,
      host: '10.72.2.4',
    })
    expect(resolve(node('GOV/start'), new Map())).toEqual(node('GOV/start').with)
  })

  test('are refused when an output is missing, or is of a wrong kind', () => {
    expect(() => resolve(node('AID/promote'), outputs)).toThrow(
      expect.objectContaining({ code: 'expression-failed', where: 'AID/promote with.recoveryPoint' }),
    )
    expect(() =>
      resolve(node('GOV/promote'), new Map([...outputs, ['GOV/acquire', { epoch: 'two' }]])),
    ).toThrow(
      expect.objectContaining({ code: 'expression-failed', why: expect.stringContaining('with.epoch') }),
    )
  })

  test('keep the values that the plan had for everything else', () => {
    const runbooks = withStep(
      `\n  - id: late\n    title: { ko: 단계, en: Step }\n    type: pg.status\n    needs: [promote]\n    with: { site: x, host: '\${{ steps.acquire.site + "." + system.id + "." + to.site }}', port: '\${{ steps.acquire.epoch + to.database.port }}', database: d }\n`,
    )
    const late = node('GOV/late', planFailover({ ...request, runbooks }))
    expect(late.with['host']).toMatchObject({ $let: { to: { site: 'gwangju' } } })
    const given = new Map([['GOV/acquire', { epoch: 2, site: 'gwangju' }]])
    expect(resolve(late, given)).toMatchObject({ host: 'gwangju.GOV.gwangju', port: 5434 })
    // What is stored and sent as JSON resolves the same.
    expect(resolve(JSON.parse(JSON.stringify(late)) as typeof late, given)).toMatchObject({ port: 5434 })
  })
})
