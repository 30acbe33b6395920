import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { runbookDetail } from '#api/runbook-view.ts'
import type { Estate } from '#estate/estate.ts'
import { loadEstate } from '#estate/load.ts'
import { planFailover } from '#plan/failover.ts'
import { batchesOf } from '#plan/foreach.ts'
import type { Plan } from '#plan/plan.ts'
import { createResolver } from '#plan/resolve.ts'
import { lintRunbook, lintRunbookFiles, loadRunbooks } from '#runbook/load.ts'
import { readDraft, type Draft } from '#runbook/read.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import type { StepTypeFacts } from '#runbook/variables.ts'
import { mermaidText, svgText } from '#terminal/graph-drawing.ts'
import { graphLines } from '#terminal/graph.ts'

const root = new URL('../../', import.meta.url)
const fact = (
  type: string,
  effect: AnyStepType['effect'],
  rest: Partial<StepTypeFacts> = {},
): [string, StepTypeFacts] => [
  type,
  {
    type,
    version: 1,
    effect,
    needsAuthority: false,
    requires: [],
    input: z.strictObject({ name: z.string(), count: z.int().default(1) }),
    output: z.strictObject({ lsn: z.string(), lag: z.int() }),
    ...rest,
  },
]
const stepTypes = new Map([
  fact('look', 'read'),
  fact('change', 'idempotent'),
  fact('leap', 'point-of-no-return'),
  fact('own', 'idempotent', { needsAuthority: true }),
  fact('authority.acquire', 'keyed'),
  fact('prom.ask', 'read', { requires: ['prometheus'] }),
])
const context = { stepTypes, sites: ['daejeon', 'gwangju'] }

const title = 'title: { ko: 단계, en: Step }'
const ends = 'verify: { within: 10s, every: 1s }, timeout: { attempt: 5s, total: 1m }'
const head = (name: string, more = '', modes = 'failover') =>
  `apiVersion: haetae/v1\nkind: Runbook\nmetadata: { name: ${name}, title: { ko: 시험, en: Try } }\nmodes: [${modes}]\n${more}`
const step = (id: string, type: string, rest = '', input = 'name: x') =>
  `  - { id: ${id}, ${title}, type: ${type}, with: { ${input} }${rest === '' ? '' : `, ${rest}`} }\n`
const gate = step('approve', 'approval', '', 'purpose: failover, quorum: 2')
const each = (foreach: string, rest = '', input = "name: '${{ item }}'") =>
  step('each', 'look', `foreach: { ${foreach} }${rest === '' ? '' : `, ${rest}`}`, input)
const book = (steps: string, more = '', modes = 'failover') =>
  `${head('try-it', more, modes)}steps:\n${steps}`
const problems = (text: string, ...others: string[]) =>
  lintRunbook(text, 'r.yaml', context, new Map(others.map((other) => named(other))))
const rules = (text: string, ...others: string[]) => problems(text, ...others).map(({ rule }) => rule)
const named = (text: string): [string, Draft] => {
  const draft = readDraft(text, 'o.yaml', context)
  if (Array.isArray(draft)) throw new Error(JSON.stringify(draft))
  return [draft.definition.metadata.name, draft]
}
const call = (runbook: string, rest = '', inputs = '') =>
  step('sub', 'runbook', rest, `runbook: ${runbook}${inputs === '' ? '' : `, inputs: { ${inputs} }`}`)

/** The files of a folder, removed when the test ends. */
async function folderOf(files: Record<string, string>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'runbooks-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const paths = Object.keys(files).map((name) => join(folder, name))
  await Promise.all(Object.values(files).map((text, index) => writeFile(paths[index] ?? '', text)))
  return paths
}

describe('lint of a foreach', () => {
  test('takes a list, and knows item and index in the step', () => {
    expect(problems(book(each('items: [a, b], maxParallel: 4, ramp: 1-2-4, maxFailures: 1')))).toEqual([])
    expect(
      problems(
        book(
          each(
            "items: '${{ system.workloads }}', key: '${{ item.deployment }}'",
            '',
            "name: '${{ item.deployment }}', count: '${{ index + 1 }}'",
          ),
        ),
      ),
    ).toEqual([])
  })

  test('refuses items that are no list or not known yet, and a wrong type of item', () => {
    expect(rules(book(each('items: "${{ system.id }}"')))).toEqual(['wrong-type'])
    expect(rules(book(each('items: many')))).toEqual(['wrong-type'])
    expect(
      rules(book(step('see', 'look') + each('items: "${{ [steps.see.lsn] }}"', 'needs: [see]'))),
    ).toEqual(['plan-reads-outputs'])
    expect(rules(book(each('items: [a, b]', '', "name: x, count: '${{ item }}'")))).toEqual(['wrong-type'])
    expect(rules(book(each('items: [a], key: plain')))).toEqual(['wrong-type'])
    expect(rules(book(step('see', 'look', '', "name: '${{ item }}'")))).toEqual(['expression'])
  })

  test('refuses a batch larger than all may be, an output of many, and a gate for each', () => {
    expect(rules(book(each('items: [a], maxParallel: 2, ramp: 1-2-4')))).toEqual(['ramp'])
    expect(rules(book(each('items: [a], ramp: fast')))).toEqual(['shape'])
    const reads = step('next', 'look', 'needs: [each]', "name: '${{ steps.each.lsn }}'")
    expect(rules(book(each('items: [a]') + reads))).toEqual(['no-output'])
    expect(
      rules(book(step('approve', 'approval', 'foreach: { items: [a] }', 'purpose: failover, quorum: 2'))),
    ).toEqual(['gate-field'])
  })
})

describe('lint of gates, ends and silent targets', () => {
  test('a manual step names a role and says what to do, a wait says how long', () => {
    const manual = (input: string, rest = '') => step('do', 'manual', rest, input)
    const instructions = 'instructions: { ko: 확인, en: Check }'
    expect(problems(book(manual(`role: sre, ${instructions}`)))).toEqual([])
    expect(rules(book(manual(`role: auditor, ${instructions}`)))).toEqual(['shape'])
    expect(rules(book(manual('role: sre')))).toEqual(['shape'])
    expect(rules(book(manual(`role: sre, ${instructions}`, 'timeout: { attempt: 1s, total: 1s }')))).toEqual([
      'gate-field',
    ])
    expect(problems(book(step('rest', 'wait', '', 'for: 90s')))).toEqual([])
    expect(rules(book(step('rest', 'wait', '', 'for: long')))).toEqual(['shape'])
    expect(rules(book(step('rest', 'wait', '', "for: '${{ targets.rtoSeconds }}'")))).toEqual(['wrong-type'])
    const reads = step('next', 'look', 'needs: [rest]', "name: '${{ steps.rest.x }}'")
    expect(rules(book(step('rest', 'wait', '', 'for: 1s') + reads))).toEqual(['no-output'])
  })

  test('what stands at the end needs only its own kind, waits for nobody, and can be taken back', () => {
    const withEnd = (end: string, main = gate + step('do', 'change', `needs: [approve], ${ends}`)) =>
      `${book(main)}finally:\n${end}`
    expect(problems(withEnd(step('clean', 'change', ends) + step('tell', 'look', 'needs: [clean]')))).toEqual(
      [],
    )
    expect(rules(withEnd(step('clean', 'look', 'needs: [do]')))).toEqual(['needs-across-finally'])
    expect(
      rules(withEnd(step('clean', 'look'), gate + step('do', 'change', `needs: [approve, clean], ${ends}`))),
    ).toEqual(['needs-across-finally'])
    expect(rules(withEnd(step('clean', 'look', '', "name: '${{ steps.do.lsn }}'")))).toEqual([
      'not-an-ancestor',
    ])
    expect(rules(withEnd(step('rest', 'wait', '', 'for: 1s')))).toEqual(['finally-gate'])
    expect(rules(withEnd(step('all', 'look', 'foreach: { items: [a] }')))).toEqual(['finally-foreach'])
    expect(rules(withEnd(step('go', 'leap', ends)))).toContain('finally-effect')
    expect(rules(withEnd(step('do', 'look')))).toEqual(['duplicate-id'])
    const late =
      step('see', 'look') + step('approve', 'approval', 'needs: [see]', 'purpose: failover, quorum: 1')
    expect(rules(withEnd(step('clean', 'change', ends), late))).toEqual(['finally-unapproved'])
  })

  test('a failover may need more when it says what then; what must not be left out is not skipped', () => {
    const silent = (type: string, what: string, rest = '') =>
      book(gate + step('ask', type, `onUnreachable: { ${what} }${rest}`))
    expect(problems(silent('prom.ask', 'failover: skip'))).toEqual([])
    expect(rules(silent('prom.ask', 'drill: skip'))).toEqual(['failover-requires', 'unreachable-mode'])
    expect(rules(silent('leap', 'failover: skip', `, needs: [approve], ${ends}`))).toEqual(['skip-unsafe'])
    expect(rules(silent('authority.acquire', 'failover: skip', `, needs: [approve], ${ends}`))).toEqual([
      'skip-unsafe',
    ])
    const reads = step('next', 'look', 'needs: [ask]', "name: '${{ steps.ask.lsn }}'")
    expect(rules(silent('prom.ask', 'failover: skip') + reads)).toEqual(['may-be-left-out'])
  })

  test('every mode is taken, and a gate is for a mode that the runbook has', () => {
    for (const mode of ['switchover', 'failover', 'failback', 'drill', 'operation']) {
      const agree = step('approve', 'approval', '', `purpose: ${mode}, quorum: 2`)
      expect(problems(book(agree + step('go', 'leap', `needs: [approve], ${ends}`), '', mode))).toEqual([])
    }
    expect(rules(book(gate, '', 'switchover'))).toEqual(['gate-mode'])
    const attest = step('attest', 'approval', '', 'purpose: attestation, quorum: 2')
    expect(rules(book(attest, '', 'switchover'))).toEqual(['gate-mode'])
    expect(rules(book(step('go', 'leap', ends), '', 'drill'))).toEqual(['approval-missing'])
  })

  test('an operation moves nothing, and acts under the authority that its site holds', () => {
    const doing = (steps: string, modes = 'operation') => rules(book(steps, '', modes))
    expect(doing(step('do', 'own', ends))).toEqual([])
    expect(doing(step('do', 'own', ends), 'operation, drill')).toEqual(['authority-missing'])
    expect(doing(step('take', 'authority.acquire', ends))).toEqual(['approval-missing', 'operation-moves'])
    expect(doing(step('see', 'look', '', "name: '${{ to.site }}'"))).toEqual([])
    expect(doing(step('see', 'look', '', "name: '${{ from.site }}'"))).toEqual(['operation-from'])
    expect(doing(step('go', 'leap', ends))).toEqual(['approval-missing'])
    expect(doing(step('ask', 'prom.ask'))).toEqual([])
    const attest = step('attest', 'approval', '', 'purpose: attestation, quorum: 2')
    expect(doing(attest, 'failover, operation')).toEqual(['gate-mode'])
  })

  test('kinds of failures that are tried again are known ones', () => {
    const retry = (on: string) => book(step('see', 'look', `retry: { max: 1, pause: 1s, on: [${on}] }`))
    expect(problems(retry('unreachable, deadline'))).toEqual([])
    expect(rules(retry('bad-luck'))).toEqual(['shape'])
    expect(rules(retry(''))).toEqual(['shape'])
  })
})

describe('lint of called runbooks', () => {
  const inputs = 'inputs: { most: { type: int, title: { ko: 한도, en: Most } } }\n'
  const part = `${head('a-part', `part: true\n${inputs}`)}steps:\n${step('go', 'leap', ends)}`

  test('an unknown runbook, and inputs that it does not take', () => {
    expect(problems(book(gate + call('a-prat', 'needs: [approve]', 'most: 1')), part)).toMatchObject([
      { rule: 'unknown-runbook', remedy: 'Did you mean a-part?' },
    ])
    const good = book(gate + call('a-part', 'needs: [approve]', 'most: 1'))
    expect(problems(good, part)).toEqual([])
    expect(rules(good.replace(', inputs: { most: 1 }', ''), part)).toEqual(['input-missing'])
    expect(rules(good.replace('most: 1', 'most: 1, many: 2'), part)).toEqual(['unknown-input'])
    expect(rules(good.replace('most: 1', 'most: one'), part)).toEqual(['wrong-type'])
    expect(rules(good.replace('most: 1', "most: '${{ system.id }}'"), part)).toEqual(['wrong-type'])
    expect(problems(good.replace('most: 1', "most: '${{ targets.rtoSeconds }}'"), part)).toEqual([])
    expect(rules(good.replace('modes: [failover]', 'modes: [failover, drill]'), part)).toEqual(['call-mode'])
  })

  test('what a part asks of those before it: approval and authority', () => {
    expect(rules(book(call('a-part', '', 'most: 1')), part)).toEqual(['approval-missing'])
    expect(rules(part)).toEqual([])
    const owner = `${head('owner', 'part: true\n')}steps:\n${step('do', 'own', ends)}`
    const taker = `${head('taker', 'part: true\n')}steps:\n${step('take', 'authority.acquire', ends)}`
    expect(rules(book(call('owner')), owner)).toEqual(['authority-missing'])
    const takes = call('taker', 'needs: [approve]').replace('id: sub', 'id: first')
    expect(rules(book(gate + takes + call('owner', 'needs: [first]')), owner, taker)).toEqual([])
    expect(rules(book(gate + call('taker')), taker)).toEqual(['approval-missing'])
  })

  test('a runbook that calls itself, with the whole way, and ends', async () => {
    const files = await folderOf({
      'a.yaml': `${head('aa')}steps:\n${call('bb')}`,
      'b.yaml': `${head('bb')}steps:\n${call('cc')}`,
      'c.yaml': `${head('cc')}steps:\n${call('aa')}`,
    })
    const found = await lintRunbookFiles(files, context)
    expect(found.map(({ rule }) => rule)).toEqual(Array.from({ length: 3 }, () => 'runbook-calls-itself'))
    expect(found[0]?.reason).toBe('it would go on for ever: aa calls bb calls cc calls aa')
    expect(rules(`${head('aa')}steps:\n${call('aa')}`)).toEqual(['runbook-calls-itself'])
  })

  test('is found in the folder of the file that calls it', async () => {
    const [, file = ''] = await folderOf({
      'part.yaml': part,
      'main.yaml': book(gate + call('a-part', 'needs: [approve]', 'most: 1')),
    })
    expect(await lintRunbookFiles([file], context)).toEqual([])
  })
})

const estate = await loadEstate(
  ['estate/estate.yaml', 'estate/lab.yaml'].map((name) => new URL(name, root).pathname),
)

/** The plan when EPP alone is moved by the runbook `try-it`. */
async function planOf(...texts: string[]): Promise<Plan> {
  const files = await folderOf(Object.fromEntries(texts.map((text, index) => [`${index}.yaml`, text])))
  const runbooks = await loadRunbooks(files, context)
  const systems = estate.systems.map((system) =>
    system.id === 'AID' ? { ...system, runbook: 'try-it' } : system,
  ) as Estate['systems']
  return planFailover({
    estate: { ...estate, systems },
    runbooks,
    stepTypes,
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
    const resolve = createResolver(stepTypes)
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

test('fields of the language in any combination never make lint throw, hang or change a prototype', () => {
  const value = fc.oneof(
    fc.constantFrom(
      '"${{ item }}"',
      '"${{ [1] }}"',
      'a',
      '1',
      '[a, b]',
      '{ a: b }',
      'null',
      '"${{ inputs.x }}"',
      '__proto__',
      '1-2-4',
      '{ failover: skip }',
      '{ items: [a] }',
      '"${{ [1,2].map(x, x) }}"',
    ),
    fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
  )
  const field = fc.tuple(
    fc.constantFrom(
      'foreach',
      'when',
      'with',
      'needs',
      'onUnreachable',
      'retry',
      'verify',
      'prerequisites',
      'type',
      '__proto__',
      'constructor',
    ),
    value,
  )
  fc.assert(
    fc.property(
      fc.array(field, { maxLength: 5 }),
      fc.constantFrom('steps', 'finally', 'inputs'),
      (fields, section) => {
        const unique = new Map(fields)
        const text = `${book(gate)}${section === 'steps' ? '' : `${section}:\n`}  - { id: one, ${title}, ${[...unique].map(([name, given]) => `${name}: ${given}`).join(', ')} }\n`
        expect(Array.isArray(problems(text))).toBe(true)
        expect(Object.keys(Object.prototype)).toEqual([])
      },
    ),
    { numRuns: 500 },
  )
})

describe('the drawing', () => {
  const draft = (): Parameters<typeof runbookDetail>[0] => {
    const text = `${book(gate + each('items: [a]', 'needs: [approve]') + step('go', 'leap', `needs: [each], ${ends}`))}finally:\n${step('tidy', 'look')}`
    const { file, definition, digest, graph, compiled, scope } = named(
      text.replace('en: Step', 'en: "A <b> & \\"c\\""'),
    )[1]
    return { file, definition, digest, scope, steps: graph.sequence.flatMap((id) => compiled.get(id) ?? []) }
  }
  const steps = runbookDetail(draft(), stepTypes).graph

  test('in the terminal puts the end at the end', () => {
    const lines = graphLines(steps, 'en').join('\n')
    expect(lines).toMatch(/failover ×2[^]*look ×n[^]*leap !/)
    expect(lines).toMatch(/at the end, whatever happened[^]*tidy/)
  })

  test('as Mermaid names every step and edge, and escapes', () => {
    const text = mermaidText(steps, 'en')
    expect(text).toContain('approve --> each')
    expect(text).toMatch(/go\[\[/)
    expect(text).toContain('#quot;c#quot;')
    expect(text).not.toContain('<b>')
    const end = mermaidText([{ ...(steps[0] as (typeof steps)[0]), id: 'end', needs: [] }], 'en')
    expect(end).toMatch(/^ {2}end_\{\{/m)
  })

  test('as SVG is a picture of every step, and escapes', () => {
    const text = svgText(steps, 'ko')
    expect(text.match(/<rect x/g)).toHaveLength(4)
    expect(text.match(/<path/g)).toHaveLength(2)
    expect(svgText(steps, 'en')).toContain('&lt;b&gt; &amp;')
  })
})
