import { readdir, readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const root = new URL('../../', import.meta.url)
const schema = JSON.parse(await readFile(new URL('schemas/runbook.schema.json', root), 'utf8')) as object
const valid = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)
const runbook = async (name: string) =>
  parse(await readFile(new URL(`runbooks/${name}`, root), 'utf8')) as unknown

test('the published schema accepts every runbook that ships', async () => {
  for (const name of (await readdir(new URL('runbooks/', root))).filter((file) => file.endsWith('.yaml')))
    expect(valid(await runbook(name)), `${name}: ${JSON.stringify(valid.errors)}`).toBe(true)
})

test('the published schema shows slips while typing: a field, a type, an input of a step', async () => {
  const good = (await runbook('failover-postgres-web.yaml')) as { steps: Record<string, unknown>[] }
  const withStep = (change: object) => ({
    ...good,
    steps: [...good.steps.slice(0, -1), { ...good.steps.at(-1), ...change }],
  })
  const traffic = good.steps.at(-1)?.['with'] as object
  expect(valid(withStep({ neds: [] }))).toBe(false)
  expect(valid(withStep({ type: 'dns.swich' }))).toBe(false)
  expect(valid(withStep({ with: { ...traffic, ttlSeconds: 'long' } }))).toBe(false)
  expect(valid(withStep({ with: { ...traffic, ttl: 1 } }))).toBe(false)
  expect(valid(withStep({ with: { ...traffic, ttlSeconds: 5 } }))).toBe(true)
})

test('the published schema says in words what a duration and the name of a step look like', () => {
  const { steps } = (
    schema as { properties: Record<'steps', { items: { properties: Record<string, unknown> } }> }
  ).properties
  const { id, timeout } = steps.items.properties
  expect(id).toMatchObject({ patternErrorMessage: expect.stringContaining('such as promote') })
  expect(timeout).toMatchObject({
    properties: { total: { patternErrorMessage: expect.stringContaining('such as 30s') } },
  })
})
