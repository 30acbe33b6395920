import { describe, expect, test } from 'vitest'
import { away, clock, node, observation, silent, stepType } from './looking.fixture.ts'
import { createLooks, inTime, type Observation } from './looks.ts'
import type { PlanNode } from './plan.ts'

const promote = stepType({
  plan: (_ctx, { epoch, site }: { epoch: number; site?: string }) =>
    Promise.resolve([
      { certainty: 'exact', target: 'db', after: { epoch }, ...(site === undefined ? {} : { site }) },
    ]),
})
const stepTypes: Observation['stepTypes'] = new Map([
  ['scale', stepType({ plan: () => Promise.resolve([{ certainty: 'exact', target: 'web', after: 1 }]) })],
  ['acquire', stepType({ foresee: () => ({ epoch: 7 }) })],
  ['promote', promote],
  ['there', stepType({ judge: () => 'holds', adopt: () => ({ epoch: 3 }) })],
  ['away', away],
  ['silent', silent],
])
const later = { epoch: { $expr: 'steps.acquire.epoch' } }
/** What was seen of each node to change, within the time of the whole. */
async function changesOf(nodes: PlanNode[], over: Partial<Observation> = {}) {
  const own = { ...observation, stepTypes, ...over }
  const seen = await inTime(own, (end) => createLooks(own, end)(nodes))
  return Object.fromEntries([...seen].map(([id, { changes }]) => [id, changes]))
}

describe('looking at the nodes of a plan', () => {
  test('what rests on the output of another step is predicted from what that one will give', async () => {
    const changes = await changesOf([node('AA/promote', 'promote', later), node('AA/acquire', 'acquire')])
    expect(changes['AA/promote']).toMatchObject([
      { certainty: 'predicted', after: { epoch: 7 }, why: { en: expect.stringContaining('AA/acquire') } },
    ])
  })

  test('the output of a step that holds already is known without being foreseen', async () => {
    const changes = await changesOf([node('AA/acquire', 'there'), node('AA/promote', 'promote', later)])
    expect(changes['AA/promote']).toMatchObject([{ certainty: 'predicted', after: { epoch: 3 } }])
  })

  test.each([
    ['cannot be foreseen', 'scale'],
    ['could not be looked at', 'away'],
    ['is of no node that acts', 'gone'],
  ])('what rests on an output that %s is opaque and names the step', async (_what, other) => {
    const changes = await changesOf([node('AA/acquire', other), node('AA/promote', 'promote', later)])
    expect(changes['AA/promote']).toMatchObject([
      { certainty: 'opaque', why: { en: expect.stringContaining('AA/acquire') } },
    ])
  })

  test('a silent site keeps nobody from looking at another, and the whole has an end', async () => {
    const silent = Array.from({ length: 50 }, (_, at) => node(`S/${at}`, 'silent', { site: 'a' }))
    const changes = await changesOf([...silent, node('AA/scale', 'scale')], { withinMs: 4_000, totalMs: 100 })
    expect(changes['AA/scale']).toMatchObject([{ certainty: 'exact' }])
    expect(Object.keys(changes)).toHaveLength(51)
    for (const { id } of silent) {
      expect(changes[id]).toMatchObject([
        { certainty: 'opaque', site: 'a', why: { en: expect.stringContaining('time that planning has') } },
      ])
    }
  })

  test('no more are looked at at once than allowed', async () => {
    let now = 0
    let most = 0
    const busy = stepType({
      observe: async () => {
        most = Math.max(most, ++now)
        await clock.sleep(1)
        now -= 1
      },
    })
    const nodes = Array.from({ length: 20 }, (_, at) => node(`B/${at}`, 'busy'))
    await changesOf(nodes, { stepTypes: new Map([['busy', busy]]), withinMs: 1_000 })
    expect(most).toBe(2)
  })

  test('hands no writers to step types', async () => {
    const handed: string[] = []
    const tell = stepType({ observe: (ctx: object) => Promise.resolve(handed.push(...Object.keys(ctx))) })
    await changesOf([node('AA/tell', 'tell')], { stepTypes: new Map([['tell', tell]]) })
    expect(handed).toContain('readers')
    expect(handed).not.toContain('writers')
  })
})
