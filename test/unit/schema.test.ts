import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { schema } from '#daemon/schema.ts'

const source = join(import.meta.dirname, '../../src')

test('the schema of the product has the changes of every room that declares some', () => {
  const names = globSync('**/*.ts', { cwd: source })
    .filter((file) => !file.endsWith('.test.ts') && file !== 'daemon/schema.ts')
    .map((file) => readFileSync(join(source, file), 'utf8'))
    .filter((code) => /^export const \w+Schema\b.*SchemaChange\[\]/m.test(code))
    .flatMap((code) => [...code.matchAll(/^ {4}name: '(\d{3}-[\w-]+)'/gm)].map((match) => match[1]))
  expect(names.length).toBeGreaterThan(5)
  expect(schema.map(({ name }) => name)).toEqual(names.toSorted((a, b) => (a ?? '').localeCompare(b ?? '')))
})
