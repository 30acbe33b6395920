import { readdir, readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const root = new URL('../../', import.meta.url)
const schema = JSON.parse(await readFile(new URL('schemas/runbook.schema.json', root), 'utf8')) as object
const valid = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)
interface Part {
  title?: string
  description?: string
  enum?: string[]
  enumDescriptions?: string[]
  markdownEnumDescriptions?: string[]
  properties?: Record<string, Part>
  anyOf?: Part[]
}

/** Every part of a schema in which something stands; an `if` only compares. */
function partsOf(part: unknown, path = ''): (Part & { path: string })[] {
  if (typeof part !== 'object' || part === null) return []
  const inner = Object.entries(part).filter(([name]) => name !== 'if')
  return [{ ...part, path }, ...inner.flatMap(([name, each]) => partsOf(each, `${path}/${name}`))]
}

/** The fields of a runbook. The `with` of each step type is the one field `with`, which is described once. */
function fieldsOf(part: object): (Part & { path: string })[] {
  return partsOf(part)
    .filter(({ path }) => !path.endsWith('/then'))
    .flatMap(({ path, properties = {} }) =>
      Object.entries(properties).map(([name, field]) => ({ ...field, path: `${path}/${name}` })),
    )
}

const enumsOf = (part: object) => partsOf(part).filter((one) => Array.isArray(one.enum))
const described = (one: Part) => one.markdownEnumDescriptions ?? one.enumDescriptions

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

test('an editor finds a description of every field, of a runbook and of what each step type takes', () => {
  const fields = fieldsOf(schema)
  expect(fields.length).toBeGreaterThan(200)
  expect(fields.filter(({ description }) => (description ?? '') === '').map(({ path }) => path)).toEqual([])
})

test('an editor finds beside every step type, and beside every word of a choice, what it means', () => {
  const enums = enumsOf(schema).filter((one) => described(one) !== undefined)
  const ofTypes = enums.filter((one) => one.enum?.includes('dns.switch'))
  expect(ofTypes).toHaveLength(2) // under steps, and under finally
  const words = enums.flatMap((one) => one.enum ?? [])
  expect(words).toEqual(expect.arrayContaining(['failover', 'skip', 'attestation', 'unreachable']))
  for (const one of enums)
    expect(
      described(one)?.filter((text) => text !== ''),
      one.enum?.join(),
    ).toHaveLength(one.enum?.length ?? 0)
})

test('what is said of a value is said also where an expression stands in its place', () => {
  const inputs = fieldsOf(schema).filter(({ anyOf }) => anyOf?.some(({ title }) => title?.includes('CEL')))
  expect(inputs.length).toBeGreaterThan(50)
  for (const { path, anyOf } of inputs)
    expect(
      anyOf?.filter(({ description }) => description !== undefined),
      path,
    ).toEqual([])
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
