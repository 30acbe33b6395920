import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import type { Term } from '#engine/journal/journal.ts'
import { testApi, type TestApi } from '../../support/api.ts'
import { cast, people, type People } from '../../support/people.ts'
import { databasePerTest } from '../../support/postgres.ts'

/*
 * The CLI as people use it: processes of its own against a daemon's API on a Unix socket, over real rooms.
 */

const bin = new URL('../../../bin/haetae.js', import.meta.url).pathname
const database = databasePerTest()
let all: People
let api: TestApi
let app: FastifyInstance
let socket: string
let contextFile: string

beforeAll(async () => {
  all = await people(cast)
})
afterAll(() => all[Symbol.asyncDispose]())
beforeEach(async () => {
  const folder = join(all.folder, `d${Math.random().toString(36).slice(2, 8)}`)
  mkdirSync(folder)
  socket = join(folder, 'haetae.sock')
  contextFile = join(folder, 'context.json')
  writeFileSync(
    contextFile,
    JSON.stringify({
      defaultSite: 'gwangju',
      sites: { gwangju: { socket } },
      principal: 'operator-1',
      keys: Object.fromEntries(Object.keys(cast).map((name) => [name, all.keyOf(name)])),
    }),
  )
  api = await testApi(database().pool, all)
  app = api.build()
  await app.listen({ path: socket })
})
afterEach(() => app.close())

interface Ended {
  code: number
  out: string
  err: string
}

function environment(over: Record<string, string> = {}) {
  return {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    LANG: 'C.UTF-8',
    HAETAE_CONTEXT: contextFile,
    ...over,
  }
}

function haetae(args: readonly string[], over: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], { env: environment(over) }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })
}

/** Declares a failover and returns the run's name. */
async function declare(systems = 'GPK', as = 'operator-1'): Promise<string> {
  const args = [
    'failover',
    '--from',
    'daejeon',
    '--systems',
    systems,
    '--reason',
    'power lost',
    '--confirm',
    'daejeon',
    '--as',
    as,
    '--json',
  ]
  const ended = await haetae(args)
  expect(ended.err).toBe('')
  return (JSON.parse(ended.out) as { id: string }).id
}

function approve(run: string, as: string, ...more: string[]): Promise<Ended> {
  return haetae(['approve', run, '--reason', 'read', '--quiet', '--confirm', run, '--as', as, ...more])
}

describe('a command', () => {
  it('signs in by key, keeps the session for itself only, and prints a table that fits', async () => {
    const ended = await haetae(['system', 'list'])
    expect(ended).toMatchObject({ code: 0, err: '' })
    expect(ended.out).toMatch(/^AID +/m)
    for (const line of ended.out.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    const cached = join(contextFile, '../sessions/gwangju-operator-1.json')
    expect(statSync(cached).mode & 0o777).toBe(0o600)
    expect((await haetae(['system', 'list', '--json'])).code).toBe(0)
    const { rows } = await database().pool.query("SELECT 1 FROM ledger_entry WHERE kind = 'session.opened'")
    expect(rows).toHaveLength(1)
  })

  it('signs in again when the daemon has forgotten the session', async () => {
    await haetae(['system', 'list'])
    await app.close()
    api = await testApi(database().pool, all)
    app = api.build()
    await app.listen({ path: socket })
    expect(await haetae(['system', 'list'])).toMatchObject({ code: 0, err: '' })
  })

  it('without a daemon says where it looked, why nobody answers and how to start one', async () => {
    await app.close()
    const ended = await haetae(['system', 'list'])
    expect(ended.code).toBe(6)
    expect(ended.err).toContain(socket)
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
    const ended = await haetae(args, over)
    expect(ended.err).toMatch(said)
    expect(ended.err).toMatch(/(to do|조치):/)
    expect(ended.code).toBe(code)
  })

  it('with --json gives the error as data', async () => {
    const ended = await haetae(['run', 'show', 'nothing', '--json'])
    expect(JSON.parse(ended.out)).toMatchObject({ error: { code: 'run-unknown', status: 404 } })
    expect(ended.err).toBe('')
  })

  it('asked for help shows an example, for every command', async () => {
    const { out } = await haetae(['run', 'watch', '--help'])
    expect(out).toMatch(/EXAMPLES[\s\S]*haetae run watch RUN/)
    expect((await haetae([])).out).toMatch(/failover .*Request a failover/)
  })
})

describe('a plan', () => {
  it('shows waves, assumptions and the digest that approvals bind to', async () => {
    const { out, code } = await haetae(['plan', '--from', 'daejeon'])
    expect(code).toBe(0)
    expect(out).toMatch(/Failover plan: daejeon → gwangju, 9 systems/)
    expect(out).toMatch(/wave 1[\s\S]*GPK\/promote[\s\S]*wave 2/)
    expect(out).toMatch(/Assumptions[\s\S]*daejeon/)
    expect(out).toMatch(/Digest .*sha256:[0-9a-f]{64}/)
  })
})

describe('a failover', () => {
  it('is requested, approved and attested by people, each with a signature', async () => {
    const run = await declare('GPK,AID')
    expect((await approve(run, 'approver-1')).out).toContain('approve waiting 1/2 (signed: approver-1)')
    expect((await approve(run, 'commander-1')).out).toContain('approve passed 2/2')
    const how = [
      '--gate',
      'attest',
      '--source',
      'call to the guard room',
      '--source',
      'the news',
      '--outside',
    ]
    expect((await approve(run, 'sre-1', ...how)).code).toBe(0)
    const second = await approve(run, 'approver-1', ...how)
    expect(second.out).toContain('attest passed 2/2')
    const { out } = await haetae(['run', 'show', run])
    expect(out).toContain('approve passed 2/2 (signed: approver-1, commander-1)')
  })

  it('of a system that is at the site already is refused', async () => {
    api.active.set('GPK', 'gwangju')
    const ended = await haetae(['plan', '--from', 'daejeon', '--systems', 'GPK'])
    expect(ended).toMatchObject({ code: 5, err: expect.stringContaining('already active') })
  })

  it('of a system that has a run is refused, and told which', async () => {
    const run = await declare()
    const args = [
      'failover',
      '--from',
      'daejeon',
      '--systems',
      'GPK',
      '--reason',
      'again',
      '--confirm',
      'daejeon',
      '--as',
      'operator-2',
    ]
    const ended = await haetae(args)
    expect(ended.code).toBe(5)
    expect(ended.err).toContain(run)
  })
})

describe('an approval', () => {
  it.each<[string, string, string[], number, RegExp]>([
    [
      "of one's own request",
      'operator-1',
      ['--gate', 'attest', '--source', 'a', '--source', 'b', '--outside'],
      3,
      /requester never counts/,
    ],
    ['by a role that may not', 'auditor-1', [], 3, /approver/],
    ['with a key that has ended', 'approver-late', [], 3, /valid from/],
    [
      'without two sources',
      'sre-1',
      ['--gate', 'attest', '--source', 'a', '--outside'],
      2,
      /two different --source/,
    ],
    ['for a gate that is not there', 'approver-1', ['--gate', 'bless'], 4, /approve, attest/],
  ])('%s is refused', async (_name, as, more, code, said) => {
    const run = await declare()
    const ended = await approve(run, as, ...more)
    expect(ended.err).toMatch(said)
    expect(ended.code).toBe(code)
  })

  it('given twice is refused', async () => {
    const run = await declare()
    await approve(run, 'approver-1')
    const ended = await approve(run, 'approver-1')
    expect(ended).toMatchObject({ code: 5, err: expect.stringContaining('already signed') })
  })

  it('is signed without a daemon, and sent by somebody else later', async () => {
    const run = await declare()
    const plan = join(contextFile, '../plan.json')
    const signed = join(contextFile, '../signed.json')
    writeFileSync(plan, (await haetae(['run', 'show', run, '--plan', '--json'])).out)
    await app.close()
    const offline = await approve(run, 'approver-1', '--sign-only', '--plan', plan)
    expect(offline).toMatchObject({ code: 0, err: '' })
    writeFileSync(signed, offline.out)
    app = api.build()
    await app.listen({ path: socket })
    expect((await haetae(['approve', run, '--send', signed])).out).toContain('signed: approver-1')
  })

  it('of a plan file that was changed is refused before anything is signed', async () => {
    const run = await declare()
    const plan = join(contextFile, '../plan.json')
    const { out } = await haetae(['run', 'show', run, '--plan', '--json'])
    writeFileSync(plan, out.replaceAll('"toSite": "gwangju"', '"toSite": "busan"'))
    const ended = await approve(run, 'approver-1', '--sign-only', '--plan', plan)
    expect(ended).toMatchObject({ code: 5, out: '', err: expect.stringContaining('digest') })
  })

  it('shows the plan before it asks for the name', async () => {
    const run = await declare()
    const ended = await haetae(['approve', run, '--reason', 'read', '--as', 'approver-1'])
    expect(ended.out).toMatch(/Failover plan: daejeon → gwangju/)
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining(`--confirm ${run}`) })
  })
})

describe('the backup log', () => {
  it('is given as text, CSV and JSON', async () => {
    expect((await haetae(['backup', 'log'])).out).toMatch(
      /2026-11-24 00:00:01 +GPK +pg_basebackup +daejeon → gwangju +failed/,
    )
    const { out: csv } = await haetae(['backup', 'log', '--format', 'csv'])
    expect(csv.split('\r\n')).toHaveLength(3)
    expect(csv).toContain('"disk full, ""gwangju"""')
    const json = JSON.parse((await haetae(['backup', 'log', '--format', 'json'])).out) as { items: unknown[] }
    expect(json.items).toHaveLength(1)
  })
})

describe('watching a run', () => {
  let watching: ChildProcess
  let out = ''
  afterEach(() => watching.kill())

  function watch(run: string, ...more: string[]): Promise<number | null> {
    out = ''
    watching = spawn(process.execPath, [bin, 'run', 'watch', run, ...more], { env: environment() })
    watching.stdout?.on('data', (chunk) => (out += String(chunk)))
    watching.stderr?.on('data', (chunk) => (out += String(chunk)))
    return new Promise((resolve) => watching.on('exit', resolve))
  }

  async function until(text: string | RegExp): Promise<void> {
    await expect.poll(() => out, { timeout: 20_000, interval: 50 }).toMatch(text)
  }

  async function take(run: string): Promise<(message: string) => Promise<unknown>> {
    const term = (await api.journal.acquire(run, { daemon: 'd', incarnation: 'i' }, 60_000)) as Term
    return (message) =>
      api.journal.append(term, [{ kind: 'approvals-counted', node: 'approve', by: [message] }])
  }

  it('goes on after a restart of the daemon, each entry once, until the run ends', async () => {
    const run = await declare()
    const say = await take(run)
    const exit = watch(run)
    await until(/approve waiting 0\/2/)
    await until(/GPK\/fence +needs approve|GPK\/fence.*needs/)
    await say('before the restart')
    await until('before the restart')
    await app.close()
    await until(/does not answer/)
    await say('while it was away')
    app = api.build()
    await app.listen({ path: socket })
    await until('while it was away')
    await until(/connected again, from entry \d+/)
    await api.journal.append({ runId: run, term: 1 }, [{ kind: 'run-ended', outcome: 'canceled' }])
    expect(await exit).toBe(7)
    expect(out).toMatch(/The run has ended: canceled/)
    for (const message of ['before the restart', 'while it was away'])
      expect(out.split(message)).toHaveLength(2)
  })

  it('with --json is one object a line', async () => {
    const run = await declare()
    const say = await take(run)
    const exit = watch(run, '--json', '--from', '2')
    await say('one')
    await until('"one"')
    await api.journal.append({ runId: run, term: 1 }, [{ kind: 'run-ended', outcome: 'canceled' }])
    await exit
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq?: number; end?: string })
    expect(lines.flatMap((line) => line.seq ?? [])).toEqual(lines.slice(0, -1).map((_, index) => index + 2))
    expect(lines.at(-1)).toEqual({ end: 'canceled' })
  })

  it('of a run that is not there is refused at once', async () => {
    expect(await watch('nothing')).toBe(4)
  })
})

describe('offline', () => {
  it('runbooks are checked and drawn, and a mistake has its line and column', async () => {
    await app.close()
    expect(await haetae(['runbook', 'lint'])).toMatchObject({ code: 0 })
    const file = join(contextFile, '../wrong.yaml')
    const shipped = readFileSync(
      new URL('../../../runbooks/failover-postgres-web.yaml', import.meta.url),
      'utf8',
    )
    writeFileSync(file, shipped.replace('steps:', 'stepz:'))
    const ended = await haetae(['runbook', 'lint', file])
    expect(ended.code).toBe(2)
    expect(ended.out).toMatch(/wrong\.yaml:\d+:\d+: .*stepz/)
    expect(
      (
        await haetae([
          'runbook',
          'show',
          new URL('../../../runbooks/failover-postgres-web.yaml', import.meta.url).pathname,
        ])
      ).out,
    ).toMatch(/promote +pg\.promote !/)
  })

  it('the configuration is shown with where each value comes from', async () => {
    await app.close()
    const file = join(contextFile, '../daemon.yaml')
    writeFileSync(
      file,
      'site: gwangju\ndataDir: data\ncatalogueDir: catalogue\npostgres: { url: "postgres://haetae:secret@db/haetae" }\n',
    )
    const ended = await haetae(['config', 'show', '--config', file], { HAETAE_SITE: 'daejeon' })
    expect(ended.code).toBe(0)
    expect(ended.out).toMatch(/site +daejeon +HAETAE_SITE/)
    expect(ended.out).not.toContain('secret')
    expect(existsSync(join(contextFile, '../data'))).toBe(false)
  })
})
