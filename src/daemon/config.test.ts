import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isHaetaeError } from '#model/errors.ts'
import { describeConfig, environmentName, loadConfig } from './config.ts'

let folder: string
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'haetae-config-'))))
afterAll(() => rmSync(folder, { recursive: true }))

function file(text: string): string {
  const path = join(folder, 'haetae.yaml')
  writeFileSync(path, text)
  return path
}

function faultOf(work: () => unknown): { code: string; where: string | undefined; why: string | undefined } {
  try {
    work()
  } catch (error) {
    if (isHaetaeError(error)) return { code: error.code, where: error.where, why: error.why }
    throw error
  }
  throw new Error('it was accepted')
}

const least = 'site: gwangju\ndataDir: data\ncatalogueDir: catalogue\ninstallation: test\n'

const both = (reader: string) => `reader: { user: ${reader}, passwordFile: r }, writer: { passwordFile: w }`

describe('the configuration', () => {
  test('a relative path in the file is relative to the file', () => {
    const { config } = loadConfig(file(least), {})
    expect(config.dataDir).toBe(join(folder, 'data'))
    expect(config.log.level).toBe('info')
    expect(config.postgres.url).toBeUndefined()
  })

  test('the environment overrides the file, key by key, also inside a list', () => {
    const peer = 'peers:\n  - { site: daejeon, url: "https://a:1", caFile: ca, certFile: c, keyFile: k }\n'
    const loaded = loadConfig(file(least + peer), {
      HAETAE_LOG_LEVEL: 'debug',
      HAETAE_PEERS_0_URL: 'https://b:2',
      HAETAE_LISTEN_PORT: '7443',
      HAETAE_LISTEN_HOST: '::1',
      HAETAE_LISTEN_TLS_CERT: '/c',
      HAETAE_LISTEN_TLS_KEY: '/k',
      HAETAE_LISTEN_TLS_CA: '/ca',
    })
    expect(loaded.config.log.level).toBe('debug')
    expect(loaded.config.peers[0]).toMatchObject({ url: 'https://b:2', caFile: join(folder, 'ca') })
    expect(loaded.config.listen?.port).toBe(7443)
    expect(loaded.values.find((value) => value.key === 'log.level')?.origin).toBe('HAETAE_LOG_LEVEL')
    expect(loaded.values.find((value) => value.key === 'site')?.origin).toBe(`${loaded.file}:1:7`)
  })

  test('everything can come from the environment', () => {
    const { config } = loadConfig(undefined, {
      HAETAE_INSTALLATION: 'test',
      HAETAE_SITE: 'gwangju',
      HAETAE_DATA_DIR: '/d',
      HAETAE_CATALOGUE_DIR: '/c',
      HAETAE_PEERS: '[{site: daejeon, url: "https://a:1", caFile: /a, certFile: /b, keyFile: /c}]',
    })
    expect(config.peers).toHaveLength(1)
  })

  test('an unknown key is refused with its line', () => {
    const fault = faultOf(() => loadConfig(file(`${least}log:\n  levle: debug\n`), {}))
    expect(fault).toMatchObject({ code: 'config-invalid', where: `${join(folder, 'haetae.yaml')}:6:10` })
    expect(fault.why).toContain('log.levle: there is no such key')
  })

  test('a missing key and a wrong value are both named', () => {
    const fault = faultOf(() => loadConfig(file('site: Gwangju\ndataDir: d\n'), {}))
    expect(fault.why).toContain('site: a site is lower case')
    expect(fault.why).toContain('catalogueDir: it is not set')
  })

  test('a wrong value from the environment names the variable', () => {
    const fault = faultOf(() => loadConfig(file(least), { HAETAE_LOG_LEVEL: 'loud' }))
    expect(fault.where).toBe('environment variable HAETAE_LOG_LEVEL')
  })

  test('broken YAML and a missing file say where', () => {
    expect(faultOf(() => loadConfig(file('site: [\n'), {})).code).toBe('config-invalid')
    expect(faultOf(() => loadConfig(join(folder, 'none.yaml'), {})).code).toBe('config-unreadable')
  })

  test('passwords in URLs are hidden when shown', () => {
    const loaded = loadConfig(file(`${least}postgres: { url: "postgresql://me:hunter2@db/haetae" }\n`), {})
    const shown = JSON.stringify(describeConfig(loaded))
    expect(shown).not.toContain('hunter2')
    expect(shown).toContain('postgresql://me:***@db/haetae')
  })

  test.each([
    ['with an @ in it', 'postgres: { url: "postgresql://me:hun@ter2@db/haetae" }'],
    ['with a / in it', 'postgres: { url: "postgresql://me:hun/ter2@db/haetae" }'],
    ['as a parameter', 'postgres: { url: "postgresql://db/haetae?user=me&password=hunter2" }'],
    ['without a user', 'redis: { url: "redis://:hunter2@cache:6379" }'],
    ['where none is expected', 'prometheus: { url: "http://me:hunter2@prom:9090" }'],
  ])('a password is hidden also %s', (_name, line) => {
    const shown = JSON.stringify(describeConfig(loadConfig(file(`${least}${line}\n`), {})))
    expect(shown).not.toMatch(/ter2/)
    expect(shown).toContain('***')
  })

  test('an address without a password is shown as it is', () => {
    const text = `${least}prometheus: { url: "http://prom:9090" }\nredis: { url: "unix:///run/redis.sock" }\n`
    const shown = JSON.stringify(describeConfig(loadConfig(file(text), {})))
    expect(shown).toContain('"http://prom:9090"')
    expect(shown).toContain('"unix:///run/redis.sock"')
  })

  test('without a file, what to do names --config and does not point back to itself', () => {
    expect(() => loadConfig(undefined, {})).toThrow(
      expect.objectContaining({ remedy: expect.stringMatching(/--config FILE.*HAETAE_INSTALLATION/) }),
    )
    expect(faultOf(() => loadConfig(undefined, {})).why).toBe(
      'not set: installation, site, dataDir, catalogueDir',
    )
  })

  test('a variable that is no key is reported, those of the CLI and the lab are not', () => {
    const loaded = loadConfig(file(least), {
      HAETAE_LISTEN_PROT: '1',
      HAETAE_CONTEXT: 'x',
      HAETAE_LAB_INSTANCE: 'y',
    })
    expect(loaded.unusedEnvironment).toEqual(['HAETAE_LISTEN_PROT'])
  })

  test.each([
    ['the own site', ['gwangju']],
    ['a site twice', ['daejeon', 'daejeon']],
  ])('%s is no peer', (_name, sites) => {
    const peers = sites.map((site) => ({
      site,
      url: 'https://a:1',
      caFile: 'a',
      certFile: 'c',
      keyFile: 'k',
    }))
    const fault = faultOf(() => loadConfig(file(`${least}peers: ${JSON.stringify(peers)}\n`), {}))
    expect(fault.why).toMatch(/peers\.\d\.site: it is (this daemon's own site|there twice)/)
  })

  test('two services of one origin are refused: the secret of one would go to the other', () => {
    const services = ['https://hooks.gov.test', 'https://b.gov.test', 'https://HOOKS.gov.test:443/']
    const lines = JSON.stringify(services.map((url) => ({ url })))
    const fault = faultOf(() => loadConfig(file(`${least}services: ${lines}\n`), {}))
    expect(fault).toMatchObject({ code: 'config-invalid' })
    expect(fault.why).toContain('services.2.url: services.0 has the same origin')
  })

  test('an installation has a name of its own', () => {
    expect(faultOf(() => loadConfig(file(`${least.replace('test', 'Test 1')}`), {})).why).toContain(
      'installation:',
    )
  })

  test.each([
    ['no reader', '{ caFile: ca, writer: { passwordFile: w } }', 'databases.reader: it is not set'],
    [
      'no password',
      '{ caFile: ca, reader: {}, writer: { passwordFile: w } }',
      'reader.passwordFile: it is not',
    ],
    [
      'one role for both',
      `{ caFile: ca, ${both('haetae')} }`,
      'databases.reader.user: the writer is the same role',
    ],
    [
      'the keys of one role',
      `{ caFile: ca, user: haetae, ${both('r')} }`,
      'databases.user: there is no such key',
    ],
  ])('databases with %s are refused', (_name, databases, why) => {
    const fault = faultOf(() => loadConfig(file(`${least}databases: ${databases}\n`), {}))
    expect(fault).toMatchObject({ code: 'config-invalid', why: expect.stringContaining(why) as string })
  })

  test('databases are looked at by one role and changed by another', () => {
    const text = `${least}databases: { caFile: ca, reader: { passwordFile: r }, writer: { passwordFile: w } }\n`
    expect(loadConfig(file(text), {}).config.databases).toEqual({
      caFile: join(folder, 'ca'),
      reader: { user: 'haetae_reader', passwordFile: join(folder, 'r') },
      writer: { user: 'haetae', passwordFile: join(folder, 'w') },
    })
  })

  test('names of variables follow the key', () => {
    expect(environmentName(['databases', 'reader', 'passwordFile'])).toBe(
      'HAETAE_DATABASES_READER_PASSWORD_FILE',
    )
  })
})
