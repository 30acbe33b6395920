import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeConfig, loadConfig } from '#daemon/config.ts'

let dir: string
const file = () => join(dir, 'config.yaml')
const base = 'site: gwangju\ndataDir: data\ncatalogueDir: catalogue\ninstallation: test\n'

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'haetae-test-config-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('each service of the list is shown with its places; files are found beside the configuration', async () => {
  await writeFile(
    file(),
    `${base}services:\n  - { url: 'https://a.gov.test' }\n  - { url: 'https://b.gov.test', secretFile: token }\n`,
  )
  const loaded = loadConfig(file(), {})
  expect(loaded.config.services).toMatchObject([
    { url: 'https://a.gov.test', header: 'authorization' },
    { url: 'https://b.gov.test', secretFile: join(dir, 'token') },
  ])
  const shown = describeConfig(loaded).filter(({ key }) => key.startsWith('services'))
  expect(shown.map(({ key, value, origin }) => [key, value, origin])).toEqual([
    ['services.0.url', 'https://a.gov.test', `${file()}:6:12`],
    ['services.0.header', 'authorization', 'default'],
    ['services.1.url', 'https://b.gov.test', `${file()}:7:12`],
    ['services.1.secretFile', join(dir, 'token'), `${file()}:7:46`],
    ['services.1.header', 'authorization', 'default'],
  ])
})

test('an address with a password in it is refused where it stands', async () => {
  await writeFile(file(), `${base}services:\n  - url: https://user:word@a.gov.test\n`)
  expect(() => loadConfig(file(), {})).toThrow(
    expect.objectContaining({ code: 'config-invalid', where: `${file()}:6:10` }),
  )
})
