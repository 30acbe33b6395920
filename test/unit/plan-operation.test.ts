import { describe, expect, test } from 'vitest'
import { scopeOf } from '#approval/statement.ts'
import type { Grade } from '#estate/estate.ts'
import { loadEstate } from '#estate/load.ts'
import { digestOf } from '#model/digest.ts'
import type { HaetaeError } from '#model/errors.ts'
import { planOperation } from '#plan/operation.ts'
import type { OperationRequest } from '#plan/request.ts'
import { readRunbook } from '#runbook/load.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { stepTypes } from '#steps/index.ts'

const pathOf = (name: string) => new URL(`../../${name}`, import.meta.url).pathname
const estate = await loadEstate([pathOf('estate/estate.yaml'), pathOf('estate/lab.yaml')])
const whole = await loadEstate([pathOf('estate/estate.yaml')])

function runbook(name: string, more = ''): Runbook {
  const text = `
apiVersion: haetae/v1
kind: Runbook
metadata: { name: ${name}, title: { ko: 재기동, en: Restart } }
${more === '' ? 'modes: [operation]' : more}
inputs:
  replicas: { type: int, title: { ko: 개수, en: Replicas } }
  rest: { type: string, title: { ko: 대기, en: Rest }, default: 5s }
  names: { type: list, title: { ko: 이름, en: Names }, default: [] }
steps:
  - id: ready
    title: { ko: 기동 확인, en: Wait until ready }
    type: k8s.wait
    with:
      site: \${{ to.site }}
      namespace: \${{ system.namespace }}
      workloads: '\${{ [{"deployment": "web", "replicas": inputs.replicas}] }}'
    onUnreachable: { ${more.includes('failover') ? 'failover' : 'operation'}: ask }
  - id: settle
    title: { ko: 안정화, en: Settle }
    type: wait
    needs: [ready]
    with: { for: '\${{ inputs.rest }}' }
`
  const { runbook: read, problems } = readRunbook(text, 'r.yaml', {
    stepTypes,
    sites: ['daejeon', 'gwangju'],
  })
  expect(problems).toEqual([])
  return read as Runbook
}

const restart = runbook('restart')
const request: OperationRequest = {
  estate,
  runbooks: new Map([
    ['restart', restart],
    ['moving', runbook('moving', 'modes: [failover]')],
    ['half', runbook('half', 'modes: [operation]\npart: true')],
  ]),
  stepTypes,
  world: {
    active: (id) => (id === 'HTX' ? { site: 'gwangju', epoch: 4 } : { site: 'daejeon', epoch: 1 }),
  },
  site: 'daejeon',
  runbook: 'restart',
  systems: ['RRS', 'AID'],
  inputs: { replicas: 2 },
  now: 0,
}
const plan = planOperation(request)
const refused = (change: Partial<OperationRequest>): Partial<HaetaeError> => {
  try {
    planOperation({ ...request, ...change })
  } catch (error) {
    return error as HaetaeError
  }
  throw new Error('it was planned')
}

describe('the plan of an operation', () => {
  test('leaves nothing: it is about the active site, there and in what people sign', () => {
    expect(plan.subject).toMatchObject({ mode: 'operation', toSite: 'daejeon' })
    expect(plan.subject).not.toHaveProperty('fromSite')
    expect(scopeOf(plan.subject)).toEqual({ site: 'daejeon', systems: ['AID', 'RRS'] })
    expect(digestOf(plan.subject)).toBe(plan.digest)
  })

  test('has the runbook’s steps for each system, at its active site, with the inputs', () => {
    expect(plan.subject.nodes.map(({ id }) => id)).toEqual([
      'AID/ready',
      'AID/settle',
      'RRS/ready',
      'RRS/settle',
    ])
    expect(plan.subject.nodes[0]).toMatchObject({
      with: { site: 'daejeon', namespace: 'aid', workloads: [{ deployment: 'web', replicas: 2 }] },
      onUnreachable: 'ask',
    })
    expect(plan.subject.inputs).toEqual({ replicas: 2, rest: '5s', names: [] })
  })

  test('takes for granted that each system stays where it is, and nothing about a lost site', () => {
    expect(plan.subject.assumptions.map(({ kind, subject, bound }) => ({ kind, subject, bound }))).toEqual([
      { kind: 'active-site', subject: 'AID', bound: { site: 'daejeon', epoch: 1 } },
      { kind: 'active-site', subject: 'RRS', bound: { site: 'daejeon', epoch: 1 } },
    ])
  })

  test('promises no recovery, and says who cannot serve without the systems', () => {
    expect(plan.systems.map(({ system, recoverability }) => ({ system, recoverability }))).toEqual([
      { system: 'AID', recoverability: undefined },
      { system: 'RRS', recoverability: undefined },
    ])
    expect(plan.notes.map(({ en }) => en)).toContainEqual(
      expect.stringMatching(/GOV.* cannot serve without AID/),
    )
  })

  test('asks people first where policy says so for the grade of one of its systems, whatever the runbook says', () => {
    const nodesOf = (approvedGrades: Grade[]) => planOperation({ ...request, approvedGrades }).subject.nodes
    expect(nodesOf(['G4'])).toEqual(plan.subject.nodes)
    const [gate, ...rest] = nodesOf(['T0'])
    expect(gate).toMatchObject({ id: 'approve', system: null, gate: { purpose: 'operation' }, needs: [] })
    expect(rest.map(({ id, needs }) => [id, needs])).toEqual([
      ['AID/ready', ['approve']],
      ['AID/settle', ['AID/ready']],
      ['RRS/ready', ['approve']],
      ['RRS/settle', ['RRS/ready']],
    ])
  })

  test.each<[string, Partial<OperationRequest>, string, RegExp]>([
    ['an unknown runbook', { runbook: 'restrat' }, 'runbook-unknown', /restart/],
    [
      'a runbook for failovers',
      { runbook: 'moving' },
      'plan-impossible',
      /for failover, not for an operation/,
    ],
    ['a part of other runbooks', { runbook: 'half' }, 'plan-impossible', /only a part/],
    ['an unknown system', { systems: ['XYZ'] }, 'system-unknown', /register/],
    ['a system that is active elsewhere', { systems: ['AID', 'HTX'] }, 'not-active-here', /at gwangju/],
    [
      'a system that every site has',
      { systems: ['NET'], estate: whole, world: { active: () => undefined } },
      'not-active-here',
      /every site/,
    ],
    ['a missing input', { inputs: {} }, 'input-invalid', /needs it/],
    ['an input of another type', { inputs: { replicas: 'two' } }, 'input-invalid', /takes int/],
    [
      'a list that expressions would be too long over',
      { inputs: { replicas: 2, names: Array.from({ length: 201 }, () => 'a') } },
      'input-invalid',
      /at most 200/,
    ],
    ['an input that it does not have', { inputs: { replicas: 2, haste: 1 } }, 'input-invalid', /no runbook/],
  ])('is refused for %s, with why', (_name, change, code, why) => {
    const error = refused(change)
    expect(error).toMatchObject({ code, why: expect.stringMatching(why) as string })
  })

  test('of a system that is active elsewhere says whom to ask instead', () => {
    expect(refused({ systems: ['HTX'] })).toMatchObject({
      remedy: expect.stringContaining('--site gwangju') as string,
      facts: { system: 'HTX', site: 'gwangju', here: 'daejeon' },
    })
  })
})
