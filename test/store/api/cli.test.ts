import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CliFixture, shippedRunbook } from './cli-fixture.ts'

const cli = new CliFixture()

describe('a command', () => {
  it('signs in by key, keeps the session for itself only, and prints a table that fits', async () => {
    const ended = await cli.run(['system', 'list'])
    expect(ended).toMatchObject({ code: 0, err: '' })
    expect(ended.out).toMatch(/^AID +/m)
    for (const line of ended.out.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    const cached = cli.path('sessions/gwangju-operator-1.json')
    expect(statSync(cached).mode & 0o777).toBe(0o600)
    expect((await cli.run(['system', 'list', '--json'])).code).toBe(0)
    const { rows } = await cli.database.pool.query("SELECT 1 FROM ledger_entry WHERE kind = 'session.opened'")
    expect(rows).toHaveLength(1)
  })

  it('signs in again when the daemon has forgotten the session', async () => {
    await cli.run(['system', 'list'])
    await cli.stop()
    await cli.start()
    expect(await cli.run(['system', 'list'])).toMatchObject({ code: 0, err: '' })
  })

  it('without a daemon says where it looked, why nobody answers and how to start one', async () => {
    await cli.stop()
    const ended = await cli.run(['system', 'list'])
    expect(ended.code).toBe(6)
    expect(ended.err).toContain(cli.socket)
    expect(ended.err).toMatch(/no such socket|nobody listens/)
    expect(ended.err).toContain('haetae daemon --config')
  })

  it.each<[string, string[], Record<string, string>, number, RegExp]>([
    ['a wrong flag', ['system', 'list', '--colour'], {}, 2, /--colour/],
    ['a missing flag', ['failover', '--from', 'daejeon'], {}, 2, /reason/],
    ['a word that is no command', ['system', 'lits'], {}, 2, /system list/],
    ['an unknown system', ['system', 'show', 'NOPE'], {}, 4, /no such system: system NOPE/],
    ['an unknown run', ['run', 'show', 'nothing'], {}, 4, /haetae run list/],
    ['an unknown site', ['system', 'list', '--site', 'busan'], {}, 4, /gwangju/],
    ['an unknown site to leave', ['plan', '--from', 'busan'], {}, 4, /busan/],
    ['a system that is registered nowhere', ['plan', '--from', 'daejeon', '--systems', 'XYZ'], {}, 4, /XYZ/],
    ['no person', ['system', 'list', '--as', 'nobody'], {}, 2, /operator-1/],
    ['a key that is in no roster', ['system', 'list', '--as', 'stranger'], {}, 3, /roster/],
    ['a key that has ended', ['system', 'list', '--as', 'approver-late'], {}, 3, /valid from/],
    [
      'a role that may not',
      ['failover', '--from', 'daejeon', '--reason', 'x', '--confirm', 'daejeon', '--as', 'auditor-1'],
      {},
      3,
      /operator or commander/,
    ],
    ['no context', ['system', 'list'], { HAETAE_CONTEXT: '/nonexistent/context.json' }, 2, /haetae lab up/],
    ['a moment that is none', ['backup', 'log', '--from', 'yesterday'], {}, 2, /24h/],
    ['nobody to confirm', ['failover', '--from', 'daejeon', '--reason', 'x'], {}, 2, /--confirm daejeon/],
    [
      'another name as confirmation',
      ['failover', '--from', 'daejeon', '--reason', 'x', '--confirm', 'gwangju'],
      {},
      2,
      /gwangju/,
    ],
    [
      'an error in Korean',
      ['system', 'show', 'NOPE', '--lang', 'ko'],
      {},
      4,
      /오류: 등록되지 않은 정보시스템입니다[\s\S]*조치:/,
    ],
    ['an error in Korean by locale', ['system', 'show', 'NOPE'], { LANG: 'ko_KR.UTF-8' }, 4, /조치:/],
  ])('given %s says so, and ends with its code', async (_name, args, over, code, said) => {
    const ended = await cli.run(args, over)
    expect(ended.err).toMatch(said)
    expect(ended.err).toMatch(/(to do|조치):/)
    expect(ended.code).toBe(code)
  })

  it('with --json gives the error as data', async () => {
    const ended = await cli.run(['run', 'show', 'nothing', '--json'])
    expect(JSON.parse(ended.out)).toMatchObject({ error: { code: 'run-unknown', status: 404 } })
    expect(ended.err).toBe('')
  })

  it('asked for help shows an example, for every command', async () => {
    const { out } = await cli.run(['run', 'watch', '--help'])
    expect(out).toMatch(/EXAMPLES[\s\S]*haetae run watch RUN/)
    expect((await cli.run([])).out).toMatch(/failover .*Request a failover/)
  })
})

describe('the backup log', () => {
  it('is given as text, CSV and JSON', async () => {
    expect((await cli.run(['backup', 'log'])).out).toMatch(
      /2026-11-24 00:00:01 +GPK +pg_basebackup +daejeon → gwangju +failed/,
    )
    const { out: csv } = await cli.run(['backup', 'log', '--format', 'csv'])
    expect(csv.split('\r\n')).toHaveLength(3)
    expect(csv).toContain('"disk full, ""gwangju"""')
    const json = JSON.parse((await cli.run(['backup', 'log', '--format', 'json'])).out) as {
      items: unknown[]
    }
    expect(json.items).toHaveLength(1)
  })
})

describe('offline', () => {
  it('runbooks are checked and drawn, and a mistake has its line and column', async () => {
    await cli.stop()
    expect(await cli.run(['runbook', 'lint'])).toMatchObject({ code: 0 })
    const file = cli.path('wrong.yaml')
    const shipped = readFileSync(shippedRunbook, 'utf8')
    writeFileSync(file, shipped.replace('steps:', 'stepz:'))
    const ended = await cli.run(['runbook', 'lint', file])
    expect(ended.code).toBe(2)
    expect(ended.out).toMatch(/wrong\.yaml:\d+:\d+: .*stepz/)
    expect((await cli.run(['runbook', 'show', shippedRunbook])).out).toMatch(/promote +pg\.promote !/)
  })

  it('the configuration is shown with where each value comes from', async () => {
    await cli.stop()
    const file = cli.path('daemon.yaml')
    writeFileSync(
      file,
      'site: gwangju\ndataDir: data\ncatalogueDir: catalogue\ninstallation: test\npostgres: { url: "postgres://haetae:secret@db/haetae" }\n',
    )
    const ended = await cli.run(['config', 'show', '--config', file], { HAETAE_SITE: 'daejeon' })
    expect(ended.code).toBe(0)
    expect(ended.out).toMatch(/site +daejeon +HAETAE_SITE/)
    expect(ended.out).not.toContain('secret')
    expect(existsSync(cli.path('data'))).toBe(false)
  })
})
