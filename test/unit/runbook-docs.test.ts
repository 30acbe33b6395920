import { readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { lintRunbook } from '#runbook/load.ts'
import { readDraft, type Draft } from '#runbook/read.ts'
import { stepTypes } from '#steps/index.ts'

const root = new URL('../../', import.meta.url)
const page = await readFile(new URL('docs/runbooks.md', root), 'utf8')
const context = { stepTypes, sites: ['daejeon', 'gwangju', 'daegu'] }
const examples = [...page.matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, text = '']) => text)
const whole = examples.filter((text) => text.startsWith('apiVersion'))
const library = new Map(
  whole.map((text) => {
    const draft = readDraft(text, 'page.yaml', context) as Draft
    return [draft.definition.metadata.name, draft]
  }),
)

const schema = JSON.parse(await readFile(new URL('schemas/runbook.schema.json', root), 'utf8')) as {
  properties: Record<string, { items: { properties: Record<string, { properties?: object }> } }>
}
const valid = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)

/** A fragment in a runbook with the inputs that the page declares, an approval and authority. */
function framed(fragment: string): string {
  const inputs = examples.find((text) => text.startsWith('inputs:')) ?? ''
  const steps = fragment.startsWith('- id:') ? fragment.replaceAll(/^(?=.)/gm, '  ') : ''
  return [
    'apiVersion: haetae/v1',
    'kind: Runbook',
    'metadata: { name: framed, title: { ko: 예, en: Example } }',
    'modes: [failover]',
    inputs,
    'steps:',
    '  - { id: approve, title: { ko: 승인, en: Approve }, type: approval, with: { purpose: failover, quorum: 2 } }',
    whole[0]?.match(/^  - id: acquire\n(?: {4}.*\n)*/m)?.[0],
    steps,
    fragment.startsWith('finally:') ? fragment : '',
  ].join('\n')
}

test.each(examples.map((text) => [text.split('\n').slice(0, 6).join(' | '), text]))(
  'the example is free of mistakes: %s',
  (_name, text) => {
    const file = text.startsWith('apiVersion') ? text : framed(text)
    expect(lintRunbook(file, 'page.yaml', context, library)).toEqual([])
    expect(valid(parse(file)), JSON.stringify(valid.errors)).toBe(true)
  },
)

test('every field of the language is on the page, and stands in an example', () => {
  const step = schema.properties['steps']?.items.properties ?? {}
  const nested = ['verify', 'timeout', 'retry', 'foreach'].flatMap((name) =>
    Object.keys(step[name]?.properties ?? {}),
  )
  const own = ['purpose', 'quorum', 'role', 'instructions', 'for', 'runbook', 'inputs']
  const fields = [...Object.keys(schema.properties), ...Object.keys(step), ...nested, ...own]
  expect(fields.length).toBeGreaterThan(30)
  for (const field of fields) expect(page, field).toContain(`\`${field}\``)
  const used = examples.join('\n')
  for (const field of fields.filter((name) => name !== 'prerequisites'))
    expect(used, field).toMatch(new RegExp(`(^|[\\s{])${field}:`, 'm'))
})
