import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Estate } from '#estate/estate.ts'
import { loadEstate } from '#estate/load.ts'
import { planFailover } from '#plan/failover.ts'
import { batchesOf } from '#plan/foreach.ts'
import type { Plan } from '#plan/plan.ts'
import { createResolver } from '#plan/resolve.ts'
import { loadRunbooks } from '#runbook/load.ts'
import {
  context,
  ends,
  head,
  step,
  gate,
  each,
  book,
  named,
  call,
  folderOf,
  types,
} from '../../support/runbook-text.ts'

const root = new URL('../../../', import.meta.url)
const estate = await loadEstate(
  ['estate/estate.yaml', 'estate/lab.yaml'].map((name) => new URL(name, root).pathname),
)

/** The plan when AID alone is moved by the runbook `try-it`. */
async function planOf(...texts: string[]): Promise<Plan> {
  const files = await folderOf(Object.fromEntries(texts.map((text, index) => [`${index}.yaml`, text])))
  const runbooks = await loadRunbooks(files, context)
  const systems = estate.systems.map((system) =>
    system.id === 'AID' ? { ...system, runbook: 'try-it' } : system,
  ) as Estate['systems']
  return planFailover({
    estate: { ...estate, systems },
    runbooks,
    stepTypes: types,
    world: { active: () => undefined },
    fromSite: 'daejeon',
    toSite: 'gwangju',
    systems: ['AID'],
    now: 0,
  })
}
const shape = (plan: Plan) =>
  plan.subject.nodes.map(
    ({ id, needs, after }) =>
      `${id}: ${needs.join(' ')}${after === undefined ? '' : ` | ${after.join(' ')}`}`,
  )

describe('the plan of the language', () => {
  test('repeats a step in batches, each behind the end of those before it', async () => {
    const plan = await planOf(
      book(
        gate +
          each('items: [a, b, c, d], maxParallel: 2, ramp: 1-2, maxFailures: 1', 'needs: [approve]') +
          step('next', 'look', 'needs: [each]'),
      ),
    )
    expect(shape(plan)).toEqual([
      'approve: ',
      'AID/each/a: approve',
      'AID/each/batch-1: approve | AID/each/a',
      'AID/each/b: AID/each/batch-1',
      'AID/each/c: AID/each/batch-1',
      'AID/each/batch-2: AID/each/batch-1 | AID/each/a AID/each/b AID/each/c',
      'AID/each/d: AID/each/batch-2',
      'AID/each: AID/each/batch-2 | AID/each/a AID/each/b AID/each/c AID/each/d',
      'AID/next: AID/each',
    ])
    expect(plan.subject.nodes[1]).toMatchObject({ type: 'look', with: { name: 'a' }, group: 'AID/each' })
    expect(plan.subject.nodes.at(-2)?.waitFor).toEqual({ kind: 'steps', maxFailures: 1 })
  })

  test('names items by their key, by themselves, or by their number, and refuses doubles', async () => {
    const ids = async (foreach: string, input?: string) =>
      (await planOf(book(each(foreach, '', input)))).subject.nodes.map(({ id }) => id)
    expect(await ids("items: [{ a: x }, { a: y }], key: '${{ item.a }}'", "name: '${{ item.a }}'")).toEqual([
      'AID/each/x',
      'AID/each/y',
      'AID/each',
    ])
    expect(await ids('items: [a, a]')).toEqual(['AID/each/1', 'AID/each/2', 'AID/each'])
    expect(await ids('items: ["a b", batch-1]')).toEqual(['AID/each/1', 'AID/each/2', 'AID/each'])
    expect(await ids('items: []')).toEqual(['AID/each'])
    await expect(ids("items: [a, a], key: '${{ item }}'")).rejects.toMatchObject({
      why: expect.stringContaining('two items have the key a'),
    })
  })

  test('puts a called runbook in its place, pinned by its content, and its outputs stay its own', async () => {
    const part = `${head('a-part', 'part: true\ninputs: { from: { type: string, title: { ko: 값, en: From } } }\n')}steps:
${step('see', 'look', '', "name: '${{ inputs.from }}'")}${step('then', 'look', 'needs: [see]', "name: '${{ steps.see.lsn + inputs.from }}'")}finally:
${step('tidy', 'look')}`
    const main = book(
      gate +
        step('see', 'look', 'needs: [approve]') +
        call('a-part', 'needs: [see]', "from: '${{ steps.see.lsn }}'") +
        step('next', 'look', 'needs: [sub]'),
    )
    const plan = await planOf(main, part)
    expect(shape(plan)).toEqual([
      'approve: ',
      'AID/see: approve',
      'AID/sub/see: AID/see',
      'AID/sub/then: AID/sub/see',
      'AID/sub/tidy: approve | AID/sub/see AID/sub/then',
      'AID/sub: AID/sub/then | AID/sub/tidy',
      'AID/next: AID/sub',
    ])
    const digest = named(part)[1].digest
    expect(plan.subject.runbooks['a-part']).toBe(digest)
    expect(plan.subject.nodes.find(({ id }) => id === 'AID/sub')?.with).toEqual({ runbook: 'a-part', digest })
    const resolve = createResolver(types)
    const outputs = new Map([
      ['AID/see', { lsn: 'outer', lag: 0 }],
      ['AID/sub/see', { lsn: 'inner-', lag: 0 }],
    ])
    const input = (id: string) =>
      resolve(plan.subject.nodes.find((node) => node.id === id) as Plan['subject']['nodes'][0], outputs)
    expect(input('AID/sub/see')).toEqual({ name: 'outer', count: 1 })
    expect(input('AID/sub/then')).toEqual({ name: 'inner-outer', count: 1 })
    const other = await planOf(main, part.replace('en: From', 'en: Source'))
    expect(other.digest).not.toBe(plan.digest)
  })

  test("repeats a called runbook, and a failure anywhere in an item counts as that item's", async () => {
    const part = `${head('a-part', 'part: true\n')}steps:\n${step('one', 'look')}`
    const plan = await planOf(book(call('a-part', 'foreach: { items: [a, b], maxFailures: 1 }')), part)
    expect(shape(plan)).toEqual([
      'AID/sub/a/one: ',
      'AID/sub/a: AID/sub/a/one',
      'AID/sub/b/one: ',
      'AID/sub/b: AID/sub/b/one',
      'AID/sub:  | AID/sub/a AID/sub/b',
    ])
    expect(plan.subject.nodes[0]?.group).toBe('AID/sub')
  })

  test('marks what runs at the end, behind everything else of the system and the approvals', async () => {
    const plan = await planOf(
      `${book(gate + step('do', 'change', `needs: [approve], ${ends}`))}finally:\n${step('clean', 'change', ends)}${step('tell', 'look', 'needs: [clean]')}`,
    )
    expect(shape(plan).slice(2)).toEqual([
      'AID/clean: approve | AID/do',
      'AID/tell: approve AID/clean | AID/do',
    ])
    expect(plan.subject.nodes.map((node) => node.finally ?? false)).toEqual([false, false, true, true])
  })

  test('says of gates what they wait for, of steps what is done when nothing answers', async () => {
    const plan = await planOf(
      book(
        step('power', 'manual', '', 'role: sre, instructions: { ko: 확인, en: Check }') +
          step('rest', 'wait', 'needs: [power]', 'for: 90s') +
          step(
            'see',
            'look',
            'needs: [rest], onUnreachable: { failover: skip }, retry: { max: 1, pause: 1s, on: [deadline] }',
          ),
      ),
    )
    expect(plan.subject.nodes).toMatchObject([
      { waitFor: { kind: 'person', role: 'sre', instructions: { ko: '확인', en: 'Check' } } },
      { waitFor: { kind: 'time', ms: 90_000 } },
      { onUnreachable: 'skip', limits: { retryOn: ['deadline'] } },
    ])
  })

  test('refuses what is not known when the plan is made, and a plan that explodes', async () => {
    const part = (input: string) =>
      `${head('a-part', 'part: true\ninputs: { x: { type: string, title: { ko: 값, en: X } } }\n')}steps:\n${input}`
    const main = book(step('see', 'look') + call('a-part', 'needs: [see]', "x: '${{ steps.see.lsn }}'"))
    for (const bad of [
      step('one', 'look', 'when: \'${{ inputs.x == "a" }}\''),
      each("items: '${{ [inputs.x] }}'"),
      step('rest', 'wait', '', "for: '${{ inputs.x }}'"),
    ])
      await expect(planOf(main, part(bad))).rejects.toMatchObject({
        code: 'plan-impossible',
        why: expect.stringContaining('waits for outputs'),
      })
    const many = `items: [${Array.from({ length: 150 }, (_, nth) => nth).join(', ')}]`
    const inner = `${head('a-part', 'part: true\n')}steps:\n${each(many, '', 'name: x')}`
    await expect(planOf(book(call('a-part', `foreach: { ${many} }`)), inner)).rejects.toMatchObject({
      code: 'plan-impossible',
      why: expect.stringContaining('more than 2000 nodes'),
    })
  })
})

test('batches take every item once, in order, none larger than allowed', () => {
  fc.assert(
    fc.property(
      fc.nat(200),
      fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 5 }),
      (count, maxParallel, ramp) => {
        const batches = batchesOf(count, {
          maxParallel,
          ramp: ramp.length === 0 ? undefined : ramp.join('-'),
        })
        const items = batches.flatMap(({ from, to }) =>
          Array.from({ length: to - from }, (_, nth) => from + nth),
        )
        expect(items).toEqual(Array.from({ length: count }, (_, nth) => nth))
        for (const [nth, { from, to }] of batches.entries())
          expect(to - from).toBeLessThanOrEqual(ramp[nth] ?? maxParallel ?? count)
      },
    ),
  )
})
