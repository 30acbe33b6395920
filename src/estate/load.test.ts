import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { estateFrom, loadEstate, readEstate } from './load.ts'
import { generateEstate } from './generate.ts'

const folder = new URL('../../estate/', import.meta.url)
const pathOf = (name: string) => fileURLToPath(new URL(name, folder))

const head = `apiVersion: haetae/v1
kind: Estate
sites:
  - { id: daejeon, name: { ko: 대전, en: Daejeon } }
  - { id: gwangju, name: { ko: 광주, en: Gwangju } }
targets:
  { T0: { rto: 30m, rpo: 0s }, G1: { rto: 1h, rpo: 5m }, G2: { rto: 6h, rpo: 1h }, G3: { rto: 72h, rpo: 24h }, G4: { rto: 21d, rpo: 31d } }
systems:
`
const line = (id: string, rest = '', hard = '', soft = '') =>
  `  - { id: ${id}, name: { ko: ${id}, en: ${id} }, owner: MOIS, grade: G1, home: daejeon, dependsOn: { hard: [${hard}], soft: [${soft}] }${rest} }\n`
/** The column, from 1, where a word stands in its line. */
const columnOf = (text: string, word: string) =>
  text.indexOf(word) - text.lastIndexOf('\n', text.indexOf(word))
const problemsOf = (...files: string[]) =>
  readEstate(files.map((text, index) => ({ file: `file${index}.yaml`, text }))).problems
const short = (...files: string[]) =>
  problemsOf(...files).map(({ file, line: at, column, rule }) => `${file}:${at}:${column} ${rule}`)

describe('the estate of the repository', () => {
  test('is what the generator makes of the origin text', async () => {
    for (const [name, text] of Object.entries(await generateEstate(folder)))
      expect(text, name).toBe(await readFile(new URL(name, folder), 'utf8'))
  })

  test('registers fifty systems, foundations of every site and the soft cycle of PMS and UNI among them', async () => {
    const { systems } = await loadEstate([pathOf('estate.yaml')])
    expect(systems).toHaveLength(50)
    expect(systems.filter(({ home }) => home === 'each').map(({ id }) => id)).toEqual([
      'FAC',
      'NET',
      'SEC',
      'DNS',
    ])
    expect(systems.find(({ id }) => id === 'GOV')).toMatchObject({
      name: { ko: '정부24', en: 'Government24' },
      home: 'daejeon',
      recovery: 'gwangju',
      dependsOn: { hard: ['AID', 'RRS', 'PIS', 'GPK'], soft: [] },
    })
    expect(systems.find(({ id }) => id === 'EHN')).toMatchObject({ room: '7-1' })
    expect(systems.find(({ id }) => id === 'PMS')?.dependsOn.soft).toEqual(['UNI'])
    expect(systems.find(({ id }) => id === 'UNI')?.dependsOn.soft).toContain('PMS')
  })

  test('has a pair for a small lab: one system on a database, and one that needs it and keeps no data', async () => {
    const { systems } = await loadEstate([pathOf('estate.yaml'), pathOf('lab-pair.yaml')])
    const movable = systems.filter(({ components }) => components !== undefined)
    expect(movable.map(({ id, components }) => [id, components?.database?.name])).toEqual([
      ['AID', 'app'],
      ['NSS', undefined],
    ])
    expect(movable[1]).toMatchObject({ runbook: 'failover-stateless', dependsOn: { hard: ['AID'] } })
  })

  test('as the lab runs it has twelve systems that can be moved, and says why each other one is left out', async () => {
    const { systems, leftOut } = await loadEstate([pathOf('estate.yaml'), pathOf('lab.yaml')])
    const movable = systems.filter(({ components }) => components !== undefined)
    expect(movable.map(({ id }) => id).toSorted()).toEqual([
      'AID',
      'EPP',
      'G2B',
      'G4B',
      'GOV',
      'GPK',
      'HTX',
      'ONN',
      'PAT',
      'PIS',
      'RRS',
      'UNI',
    ])
    expect(movable.every(({ recovery, runbook }) => recovery !== undefined && runbook !== undefined)).toBe(
      true,
    )
    const given = movable.filter(({ recoveryGivenByLab }) => recoveryGivenByLab === true).map(({ id }) => id)
    expect(given).not.toContain('GOV')
    expect(given).toContain('GPK')
    expect([...movable, ...leftOut]).toHaveLength(50)
    expect(leftOut.find(({ id }) => id === 'STO')?.why.en).toContain('no storage array')
  })
})

describe('a wrong estate is refused with file, line and column', () => {
  test('unknown dependency, with the id that was likely meant', () => {
    const text = head + line('GPK') + line('GOV', '', 'GPX')
    const problems = problemsOf(text)
    expect(problems).toMatchObject([
      {
        file: 'file0.yaml',
        line: 10,
        column: columnOf(text, 'GPX'),
        rule: 'unknown-dependency',
        path: 'systems[1].dependsOn.hard[0]',
        remedy: 'Did you mean GPK?',
      },
    ])
  })

  test('a cycle of hard dependencies, whose path is shown; a soft cycle is none', () => {
    expect(
      problemsOf(head + line('AA', '', 'BB') + line('BB', '', 'CC') + line('CC', '', 'AA')),
    ).toMatchObject([
      {
        line: 9,
        rule: 'dependency-cycle',
        reason: 'none of these can start first: AA needs BB needs CC needs AA',
      },
    ])
    expect(problemsOf(head + line('AA', '', 'AA'))).toMatchObject([
      { reason: expect.stringContaining('AA needs AA') },
    ])
    expect(problemsOf(head + line('AA', '', '', 'BB') + line('BB', '', '', 'AA'))).toEqual([])
  })

  test('duplicate id, unknown field, wrong type, unknown site: all at once, in reading order', () => {
    expect(short(head + line('AA') + line('AA'))).toEqual(['file0.yaml:10:11 duplicate-id'])
    const text = head + line('AA', ', ownr: X') + line('BB').replace('G1', 'G9') + '  - { id: CC }\n'
    expect(short(text)).toEqual([
      `file0.yaml:9:${columnOf(text, 'ownr')} unknown-field`,
      `file0.yaml:10:${columnOf(text, 'G9')} shape`,
      'file0.yaml:11:5 shape',
      'file0.yaml:11:5 shape',
      'file0.yaml:11:5 shape',
      'file0.yaml:11:5 shape',
      'file0.yaml:11:5 shape',
    ])
    expect(
      problemsOf(head + line('AA', ', recovery: busan') + line('BB', ', recovery: daejeon')),
    ).toMatchObject([
      { line: 9, rule: 'unknown-site', path: 'systems[0].recovery' },
      { line: 10, rule: 'recovery-at-home' },
    ])
  })

  test('an overlay may not name a stranger, nor leave out what it runs', () => {
    const overlay = `apiVersion: haetae/v1\nkind: EstateOverlay\nsystems:\n  - { id: ZZ }\nleftOut:\n  - { ids: [AA, YY], why: { ko: 없음, en: none } }\n`
    expect(short(head + line('AA'), overlay)).toEqual([
      'file1.yaml:4:11 unknown-system',
      'file1.yaml:6:17 unknown-system',
    ])
  })

  test('components without an address at the recovery site, or without a runbook', () => {
    const overlay = `apiVersion: haetae/v1
kind: EstateOverlay
systems:
  - id: AA
    recovery: gwangju
    components:
      namespace: aa
      workloads: [{ deployment: web, replicas: 1 }]
      traffic: { name: aa.test, port: 443, ttlSeconds: 2, addresses: { daejeon: 10.0.0.1 } }
      probe: { path: /x }
`
    expect(problemsOf(head + line('AA'), overlay)).toMatchObject([
      { file: 'file1.yaml', line: 7, rule: 'runbook-missing' },
      { file: 'file1.yaml', line: 9, rule: 'site-missing', path: 'systems[0].components.traffic.addresses' },
    ])
  })

  test('text that is no YAML, aliases and prototype keys', () => {
    expect(problemsOf('a: [')).toMatchObject([{ rule: 'yaml' }])
    expect(problemsOf('a: &x 1\nb: *x\n').map(({ reason }) => reason)).toEqual([
      'anchors are not allowed',
      'aliases are not allowed',
    ])
    expect(problemsOf('__proto__: { polluted: true }\n')).toMatchObject([
      { rule: 'yaml', line: 1, column: 1 },
    ])
    expect(problemsOf('['.repeat(100_000))[0]).toMatchObject({ rule: 'yaml' })
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(problemsOf('')).not.toEqual([])
  })

  test('the error carries the code, the first place and every problem', async () => {
    expect(() => estateFrom([{ file: 'estate.yaml', text: head + line('GOV', '', 'GPX, XX') }])).toThrow(
      expect.objectContaining({
        code: 'estate-invalid',
        where: 'estate.yaml:9:103',
        why: expect.stringMatching(/estate\.yaml:9:103: .*GPX[^]*estate\.yaml:9:108: .*XX/),
      }),
    )
    await expect(loadEstate(['/nonexistent/estate.yaml'])).rejects.toMatchObject({
      code: 'estate-unreadable',
    })
  })
})
