import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { loadRunbooks, readRunbook } from '#runbook/load.ts'
import { stepTypes } from '#steps/index.ts'
import { context, sites } from '../../support/runbook-text.ts'

const folder = new URL('../../../runbooks/', import.meta.url)

describe('the runbooks that ship', () => {
  test('pass every check, with the real step types', async () => {
    const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'))
    expect(files).toContain('failover-postgres-web.yaml')
    const loaded = await loadRunbooks(
      files.map((name) => new URL(name, folder).pathname),
      { stepTypes, sites },
    )
    expect([...loaded.keys()].map((name) => `${name}.yaml`).toSorted()).toEqual(files.toSorted())
  })

  test('have a digest of what they say, not of how it is laid out', async () => {
    const text = await readFile(new URL('failover-postgres-web.yaml', folder), 'utf8')
    const digest = (changed: string) => readRunbook(changed, 'r.yaml', { stepTypes, sites }).runbook?.digest
    expect(digest(text)).toBeDefined()
    expect(digest(`# another comment\n${text.replaceAll('  - id:', '\n  - id:')}`)).toBe(digest(text))
    expect(digest(text.replace('quorum: 2', 'quorum: 3'))).not.toBe(digest(text))
  })
})

test('loading names every problem of every file', async () => {
  await expect(loadRunbooks(['/nonexistent.yaml'], context)).rejects.toMatchObject({
    code: 'runbook-unreadable',
  })
  const file = new URL('failover-postgres-web.yaml', folder).pathname
  await expect(loadRunbooks([file, file], { stepTypes, sites })).rejects.toMatchObject({
    code: 'runbook-invalid',
    why: expect.stringContaining('duplicate-name'),
  })
})
