import { expect, test } from 'vitest'
import { away, node, observation, planOf, silent, stepType } from './looking.fixture.ts'
import { observeFleet } from './observe-fleet.ts'
import type { Plan, PlanNode } from './plan.ts'

/** A fleet in which each system's plan has its name for a digest. */
const fleetOf = (systems: readonly string[]) =>
  planOf(
    [
      node('approve', 'approval', {}, { system: null, gate: { purpose: 'failover', quorum: 2 } }),
      ...systems.map((id) =>
        node(id, 'run', {}, { waitFor: { kind: 'run', digest: id, parts: {}, prerequisites: [] } }),
      ),
    ],
    'fleet',
  )
const exact = stepType({
  plan: (_ctx, { target, refused }: { target: string; refused?: string }) =>
    Promise.resolve([
      { certainty: 'exact', target, after: 1, ...(refused === undefined ? {} : { refused }) },
    ]),
})
const looking = {
  ...observation,
  stepTypes: new Map([
    ['scale', exact],
    ['away', away],
    ['silent', silent],
    ['holds', stepType({})],
  ]),
  concurrency: 4,
}
const partsOf = (nodesOf: (system: string) => PlanNode[]) => async (runs: readonly PlanNode[]) =>
  runs.map(({ id }) => planOf(nodesOf(id), id))

test('the changes of all systems are counted by site and step type, and by system', async () => {
  const nodes = (id: string) => [
    node(`${id}/scale`, 'scale', { target: `web ${id}`, ...(id === 'B' ? { refused: 'no' } : {}) }),
    node(`${id}/again`, 'scale', { target: `web ${id}` }, { needs: [`${id}/scale`] }),
    node(`${id}/look`, 'away', { site: 'a' }),
    node(`${id}/there`, 'holds'),
    node(
      'Z/check',
      'sibling',
      {},
      { system: null, waitFor: { kind: 'sibling', system: 'Z', node: 'Z/check' } },
    ),
  ]
  const counted = await observeFleet(fleetOf(['A', 'B']), partsOf(nodes), looking)
  const none = { exact: 0, predicted: 0, opaque: 0, refused: 0, notLooked: 0 }
  expect(counted).toEqual({
    systems: { all: 2, looked: 2 },
    kinds: [
      { ...none, site: 'a', type: 'away', opaque: 2 },
      { ...none, site: 'b', type: 'scale', exact: 2, predicted: 2, refused: 1 },
    ],
    bySystem: {
      A: { ...none, exact: 1, predicted: 1, opaque: 1 },
      B: { ...none, exact: 1, predicted: 1, opaque: 1, refused: 1 },
    },
    left: [],
  })
})

test('a silent site costs the steps there and no others, and what was not looked at is said', async () => {
  const systems = Array.from({ length: 100 }, (_, at) => `S${at}`)
  const nodes = (id: string) => [
    node(`${id}/source`, 'silent', { site: 'a' }),
    node(`${id}/scale`, 'scale', { target: `web ${id}` }),
  ]
  const {
    systems: looked,
    kinds,
    left,
  } = await observeFleet(fleetOf(systems), partsOf(nodes), {
    ...looking,
    totalMs: 200,
  })
  expect(looked).toEqual({ all: 100, looked: 0 })
  expect(kinds).toMatchObject([
    { site: 'a', type: 'silent', notLooked: 100 },
    { site: 'b', type: 'scale', exact: 100, notLooked: 0 },
  ])
  expect(left).toMatchObject([{ systems: 100, such: ['S0', 'S1', 'S2', 'S3', 'S4'] }])
})

test('what would be planned otherwise by now, or whose plan does not come in time, counts as not looked at', async () => {
  const systems = Array.from({ length: 70 }, (_, at) => `S${at}`)
  const answers = partsOf((id) => [node(`${id}/scale`, 'scale', { target: id })])
  let calls = 0
  const slowly = async (runs: readonly PlanNode[]): Promise<Plan[]> => {
    calls += 1
    if (calls === 3) return new Promise(() => {})
    const plans = await answers(runs)
    return plans.map((plan) => (plan.digest === 'S1' ? { ...plan, digest: 'other' } : plan))
  }
  const counted = await observeFleet(fleetOf(systems), slowly, { ...looking, totalMs: 200 })
  expect(counted.systems).toEqual({ all: 70, looked: 63 })
  expect(counted.kinds).toMatchObject([{ type: 'scale', exact: 63 }])
  expect(counted.left).toMatchObject([
    { why: { en: expect.stringContaining('other ones by now') }, systems: 1, such: ['S1'] },
    { why: { en: expect.stringContaining('time that planning has') }, systems: 6 },
  ])
})

test('more steps than one plan looks at are left, and said', async () => {
  const systems = Array.from({ length: 96 }, (_, at) => `S${at}`)
  const many = (id: string) =>
    Array.from({ length: 400 }, (_, at) => node(`${id}/${at}`, 'scale', { target: `${id} ${at}` }))
  const counted = await observeFleet(fleetOf(systems), partsOf(many), looking)
  expect(counted.systems).toEqual({ all: 96, looked: 32 })
  expect(counted.left).toMatchObject([{ why: { en: expect.stringContaining('steps at most') }, systems: 64 }])
})
