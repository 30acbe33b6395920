import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { lintRunbook } from '#runbook/load.ts'
import { readDraft, type Draft } from '#runbook/read.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import type { StepTypeFacts } from '#runbook/variables.ts'

export const sites = ['daejeon', 'gwangju', 'daegu']

/** A step type of which lint is told these facts. */
export const fact = (
  type: string,
  effect: AnyStepType['effect'],
  rest: Partial<StepTypeFacts> = {},
): StepTypeFacts => ({
  type,
  version: 1,
  effect,
  needsAuthority: false,
  requires: [],
  input: z.strictObject({
    name: z.string(),
    count: z.int().default(1),
    mode: z.enum(['fast', 'safe']).optional(),
    each: z.array(z.strictObject({ on: z.boolean() })).optional(),
  }),
  output: z.strictObject({ lsn: z.string(), lag: z.int(), note: z.string().nullable() }),
  ...rest,
})
export const types = new Map(
  [
    fact('look', 'read'),
    fact('change', 'idempotent'),
    fact('leap', 'point-of-no-return'),
    fact('own', 'idempotent', { needsAuthority: true }),
    fact('run', 'idempotent', { needsAuthority: ({ count }: { count: number }) => count > 0 }),
    fact('authority.acquire', 'keyed'),
    fact('dns.switch', 'idempotent'),
    fact('pg.sql', 'keyed'),
    fact('prom.ask', 'read', { requires: ['prometheus'] }),
    fact('tell', 'keyed', { requires: ['service'], optional: true }),
  ].map((type) => [type.type, type]),
)
export const context = { stepTypes: types, sites }

/** The head of a runbook, up to its steps. */
export const head = (name: string, more = '', modes = 'failover') =>
  `apiVersion: haetae/v1\nkind: Runbook\nmetadata: { name: ${name}, title: { ko: 시험, en: Try } }\nmodes: [${modes}]\n${more}`
export const title = 'title: { ko: 단계, en: Step }'
export const ends = 'verify: { within: 10s, every: 1s }, timeout: { attempt: 5s, total: 1m }'
/** Inside braces an expression is quoted. */
const quoted = (text: string) => text.replaceAll(/(?<=: )(\$\{\{[^'"}]*\}\})/g, "'$1'")
export const step = (id: string, type: string, rest = '', input = 'name: x') =>
  `  - { id: ${id}, ${title}, type: ${type}, with: { ${quoted(input)} }${rest === '' ? '' : `, ${rest}`} }\n`
export const gate = step('approve', 'approval', '', 'purpose: failover, quorum: 2')
export const each = (foreach: string, rest = '', input = "name: '${{ item }}'") =>
  step('each', 'look', `foreach: { ${foreach} }${rest === '' ? '' : `, ${rest}`}`, input)
export const book = (steps: string, more = '', modes = 'failover') =>
  `${head('try-it', more, modes)}steps:\n${steps}`
/** A runbook with two inputs, up to its steps. */
export const tryIt = book(
  '',
  `inputs:
  pace: { type: string, title: { ko: 속도, en: Pace }, default: slow }
  most: { type: int, title: { ko: 한도, en: Most }, default: 3 }
`,
)
export const call = (runbook: string, rest = '', inputs = '') =>
  step('sub', 'runbook', rest, `runbook: ${runbook}${inputs === '' ? '' : `, inputs: { ${inputs} }`}`)

export const problems = (text: string, ...others: string[]) =>
  lintRunbook(text, 'r.yaml', context, new Map(others.map((other) => named(other))))
export const rules = (text: string, ...others: string[]) => problems(text, ...others).map(({ rule }) => rule)
/** A runbook by its name, as another one that calls it needs it. */
export const named = (text: string): [string, Draft] => {
  const draft = readDraft(text, 'o.yaml', context)
  if (Array.isArray(draft)) throw new Error(JSON.stringify(draft))
  return [draft.definition.metadata.name, draft]
}
/** Where a word stands in the text: line and column from 1. */
export const placeOf = (text: string, word: string) => {
  const before = text.slice(0, text.lastIndexOf(word))
  return { line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') }
}

/** The files of a folder, removed when the test ends. */
export async function folderOf(files: Record<string, string>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'runbooks-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const paths = Object.keys(files).map((name) => join(folder, name))
  await Promise.all(Object.values(files).map((text, index) => writeFile(paths[index] ?? '', text)))
  return paths
}
