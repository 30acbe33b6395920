import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Change } from '#runbook/step-type.ts'
import { oneAfterAnother } from './one-after-another.ts'
import type { PlanNode } from './plan.ts'

const node = (id: string, needs: string[] = [], after: string[] = []) =>
  ({ id, needs, after }) as unknown as PlanNode
const change = (target: string, over: Partial<Change> = {}): Change => ({
  certainty: 'exact',
  target,
  ...over,
})
const web = 'Deployment/web in gpk'

async function seen(
  nodes: PlanNode[],
  changes: Record<string, Change[]>,
  idle: Record<string, string[]> = {},
) {
  const looked = nodes.map(({ id }) => [id, { changes: changes[id] ?? [], idle: idle[id] ?? [] }] as const)
  const all = await oneAfterAnother(nodes, new Map(looked), 'b', () => undefined)
  const shown = ({ certainty, why }: Change) =>
    [certainty, ...(typeof why === 'object' ? [why.en] : [])].join(': ')
  return Object.fromEntries([...all].map(([id, list]) => [id, list.map(shown)]))
}

describe('changes of one thing', () => {
  test('only the one that comes first in the graph is exact, wherever it stands in the plan', async () => {
    const nodes = [node('last', ['next']), node('next', ['first']), node('first')]
    expect(await seen(nodes, { last: [change(web)], next: [], first: [change(web)] })).toEqual({
      first: ['exact'],
      next: [],
      last: ['predicted: first changes it before'],
    })
  })

  test('of steps that do not wait for each other none is exact', async () => {
    const nodes = [node('start'), node('one', ['start']), node('two', ['start']), node('end', ['one', 'two'])]
    expect(await seen(nodes, { one: [change(web)], two: [change(web)], end: [change(web)] })).toEqual({
      start: [],
      one: ['predicted: two may change it before'],
      two: ['predicted: one may change it before'],
      end: ['predicted: one changes it before'],
    })
  })

  test('what runs only after the end of another comes behind it too; another site is another thing', async () => {
    const nodes = [node('first'), node('end', [], ['first']), node('elsewhere')]
    const there = change(web, { site: 'a' })
    const changes = { first: [change(web)], end: [change(web, { site: 'b' })], elsewhere: [there] }
    expect(await seen(nodes, changes)).toEqual({
      first: ['exact'],
      end: ['predicted: first changes it before'],
      elsewhere: ['exact'],
    })
  })

  test('a step that changes one thing twice is exact about the first time only', async () => {
    expect(await seen([node('one')], { one: [change(web), change(web)] })).toEqual({
      one: ['exact', 'predicted: one changes it before'],
    })
  })

  test('what is as wanted now is changed behind a step that changes it, and not before one', async () => {
    const nodes = [
      node('before'),
      node('first', ['before']),
      node('back', ['first']),
      node('beside', ['before']),
    ]
    const idle = { before: [web], back: [web], beside: [web] }
    expect(await seen(nodes, { first: [change(web)] }, idle)).toEqual({
      before: [],
      first: ['exact'],
      back: ['predicted: it is as wanted now, and first changes it before'],
      beside: [],
    })
  })

  test('what is opaque or predicted already keeps its reason', async () => {
    const nodes = [node('first'), node('next', ['first'])]
    const opaque = change(web, { certainty: 'opaque', why: { ko: '', en: 'no answer' } })
    expect(await seen(nodes, { first: [change(web, { certainty: 'predicted' })], next: [opaque] })).toEqual({
      first: ['predicted'],
      next: ['opaque: no answer'],
    })
  })

  test('at most one change of a thing is exact, and then all others come behind it', async () => {
    const picks = fc.array(fc.record({ needs: fc.array(fc.nat(30), { maxLength: 3 }), target: fc.nat(3) }), {
      maxLength: 30,
    })
    await fc.assert(
      fc.asyncProperty(picks, async (drawn) => {
        const nodes = drawn.map(({ needs }, at) =>
          node(
            `n${at}`,
            needs.filter((other) => other < at).map((other) => `n${other}`),
          ),
        )
        const changes = Object.fromEntries(drawn.map(({ target }, at) => [`n${at}`, [change(`t${target}`)]]))
        const found = await seen(nodes, changes)
        const above = (id: string): string[] => {
          const { needs } = nodes.find((each) => each.id === id) as PlanNode
          return needs.flatMap((need) => [need, ...above(need)])
        }
        for (const target of [0, 1, 2, 3]) {
          const ids = drawn.flatMap((each, at) => (each.target === target ? [`n${at}`] : []))
          const exact = ids.filter((id) => found[id]?.[0] === 'exact')
          const firsts = ids.filter((id) => ids.every((other) => other === id || above(other).includes(id)))
          expect(exact).toEqual(firsts)
        }
      }),
      { numRuns: 60 },
    )
  })
})
