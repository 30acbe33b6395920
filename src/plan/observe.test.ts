import { describe, expect, test } from 'vitest'
import { away, node, observation, planOf, silent, stepType } from './looking.fixture.ts'
import { observePlan } from './observe.ts'
import type { PlanNode } from './plan.ts'

const scale = stepType({
  plan: (_ctx, place: { site?: string }, state: unknown) =>
    Promise.resolve([{ certainty: 'exact', target: 'web', before: state, after: 1, ...place }]),
})
const stepTypes = new Map([
  ['scale', scale],
  ['away', away],
  ['silent', silent],
])
const observe = (nodes: PlanNode[], withinMs = observation.withinMs) =>
  observePlan(planOf(nodes), { ...observation, stepTypes, withinMs })

describe('looking at the world for a plan', () => {
  test('says what each step would change and where, and what could not be looked at and why', async () => {
    const nodes = [node('AA/scale', 'scale'), node('AA/away', 'away'), node('AA/silent', 'silent')]
    const { observed, digest } = await observe(nodes, 20)
    expect(digest).toBe('sha256:0')
    expect(observed.changes).toEqual({
      'AA/scale': [{ certainty: 'exact', site: 'b', target: 'web', before: 0, after: 1 }],
      'AA/away': [{ certainty: 'opaque', target: 'AA/away', why: '10.0.0.1:5432 did not answer' }],
      'AA/silent': [
        {
          certainty: 'opaque',
          target: 'AA/silent',
          why: { ko: expect.anything(), en: 'no answer within 20 ms' },
        },
      ],
    })
  })

  test('a second change of the same thing is not exact, and names the step that comes before', async () => {
    const { observed } = await observe([
      node('AA/first', 'scale'),
      node('AA/second', 'scale', {}, { needs: ['AA/first'] }),
      node('AA/elsewhere', 'scale', { site: 'c' }),
    ])
    expect(observed.changes['AA/first']).toMatchObject([{ certainty: 'exact' }])
    expect(observed.changes['AA/second']).toMatchObject([
      { certainty: 'predicted', why: { en: 'AA/first changes it before' } },
    ])
    expect(observed.changes['AA/elsewhere']).toMatchObject([{ certainty: 'exact', site: 'c' }])
  })

  test('others have their turns on the event loop while thousands of steps are looked at', async () => {
    let [turns, going] = [0, true]
    const turn = () => {
      turns += 1
      if (going) setImmediate(turn)
    }
    setImmediate(turn)
    const nodes = Array.from({ length: 10_000 }, (_, at) => node(`AA/${at}`, 'scale'))
    const { observed } = await observe(nodes, 60_000)
    going = false
    expect(Object.keys(observed.changes)).toHaveLength(10_000)
    // One turn is that of the end.
    expect(turns).toBeGreaterThan(3)
  })
})
