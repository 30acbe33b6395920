import { spawn, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import type { Term } from '#engine/journal/journal.ts'
import { bin, CliFixture } from './cli-fixture.ts'

const cli = new CliFixture()

describe('a plan', () => {
  it('shows waves, assumptions and the digest that approvals bind to', async () => {
    const { out, code } = await cli.run(['plan', '--from', 'daejeon'])
    expect(code).toBe(0)
    expect(out).toMatch(/Failover plan: daejeon → gwangju, 9 systems/)
    expect(out).toMatch(/wave 1[\s\S]*GPK\/promote[\s\S]*wave 2/)
    expect(out).toMatch(/Assumptions[\s\S]*daejeon/)
    expect(out).toMatch(/Digest .*sha256:[0-9a-f]{64}/)
  })
})

describe('a failover', () => {
  it('is requested, approved and attested by people, each with a signature', async () => {
    const run = await cli.declare('GPK,AID')
    expect((await cli.approve(run, 'approver-1')).out).toContain('approve waiting 1/2 (signed: approver-1)')
    expect((await cli.approve(run, 'commander-1')).out).toContain('approve passed 2/2')
    const how = [
      '--gate',
      'attest',
      '--source',
      'call to the guard room',
      '--source',
      'the news',
      '--outside',
    ]
    expect((await cli.approve(run, 'sre-1', ...how)).code).toBe(0)
    const second = await cli.approve(run, 'approver-1', ...how)
    expect(second.out).toContain('attest passed 2/2')
    const { out } = await cli.run(['run', 'show', run])
    expect(out).toContain('approve passed 2/2 (signed: approver-1, commander-1)')
  })

  it('of a system that is at the site already is refused', async () => {
    cli.api.active.set('GPK', 'gwangju')
    const ended = await cli.run(['plan', '--from', 'daejeon', '--systems', 'GPK'])
    expect(ended).toMatchObject({ code: 5, err: expect.stringContaining('already active') })
  })

  it('of a system that has a run is refused, and told which', async () => {
    const run = await cli.declare()
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
    const ended = await cli.run(args)
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
    const run = await cli.declare()
    const ended = await cli.approve(run, as, ...more)
    expect(ended.err).toMatch(said)
    expect(ended.code).toBe(code)
  })

  it('given twice is refused', async () => {
    const run = await cli.declare()
    await cli.approve(run, 'approver-1')
    const ended = await cli.approve(run, 'approver-1')
    expect(ended).toMatchObject({ code: 5, err: expect.stringContaining('already signed') })
  })

  it('is signed without a daemon, and sent by somebody else later', async () => {
    const run = await cli.declare()
    const plan = cli.path('plan.json')
    const signed = cli.path('signed.json')
    writeFileSync(plan, (await cli.run(['run', 'show', run, '--plan', '--json'])).out)
    await cli.stop()
    const offline = await cli.approve(run, 'approver-1', '--sign-only', '--plan', plan)
    expect(offline).toMatchObject({ code: 0, err: '' })
    writeFileSync(signed, offline.out)
    await cli.start()
    expect((await cli.run(['approve', run, '--send', signed])).out).toContain('signed: approver-1')
  })

  it('that was carried is what was signed: it is not sent as anything else, and a file that is none says how to make one', async () => {
    const run = await cli.declare()
    const [plan, signed] = [cli.path('plan.json'), cli.path('signed.json')]
    writeFileSync(plan, (await cli.run(['run', 'show', run, '--plan', '--json'])).out)
    const signOnly = ['--sign-only', '--plan', plan]
    const endless = await cli.approve(run, 'approver-1', ...signOnly, '--valid-for', 'tomorrow')
    expect(endless).toMatchObject({ code: 2, out: '', err: expect.stringContaining('no duration') })
    writeFileSync(signed, (await cli.approve(run, 'approver-1', ...signOnly)).out)
    const send = ['approve', run, '--send', signed]
    for (const other of [
      ['--decision', 'no'],
      ['--gate', 'attest'],
      ['--break-glass'],
      ['--valid-for', '1h'],
    ])
      expect((await cli.run([...send, ...other])).code, other[0]).toBe(2)
    for (const file of [plan, cli.path('nothing.json')]) {
      const ended = await cli.run(['approve', run, '--send', file])
      expect(ended).toMatchObject({ code: 2, err: expect.stringContaining('--sign-only --plan') })
    }
    expect((await cli.run(send)).out).toContain('approve waiting 1/2 (signed: approver-1)')
  })

  it('of a plan file that was changed is refused before anything is signed', async () => {
    const run = await cli.declare()
    const plan = cli.path('plan.json')
    const { out } = await cli.run(['run', 'show', run, '--plan', '--json'])
    writeFileSync(plan, out.replaceAll('"toSite": "gwangju"', '"toSite": "busan"'))
    const ended = await cli.approve(run, 'approver-1', '--sign-only', '--plan', plan)
    expect(ended).toMatchObject({ code: 5, out: '', err: expect.stringContaining('digest') })
  })

  it('shows the plan before it asks for the name', async () => {
    const run = await cli.declare()
    const ended = await cli.run(['approve', run, '--reason', 'read', '--as', 'approver-1'])
    expect(ended.out).toMatch(/Failover plan: daejeon → gwangju/)
    expect(ended.out).toContain(`installation test, run ${run}`)
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining(`--confirm ${run}`) })
  })
})

describe('verbs on a run', () => {
  it('a take-over takes two people, shows the run before it asks, and ends it', async () => {
    const run = await cli.declare()
    const sign = (as: string, ...more: string[]) =>
      cli.run(['run', 'takeover', run, '--reason', 'its daemon hangs', '--as', as, ...more])
    const shown = await sign('approver-1')
    expect(shown.out).toContain(run)
    expect(shown).toMatchObject({ code: 2, err: expect.stringContaining(`--confirm ${run}`) })
    const first = await sign('approver-1', '--confirm', run)
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining('1 of 2 signatures') })
    expect((await sign('operator-1', '--confirm', run)).code).toBe(3)
    const second = await sign('commander-1', '--confirm', run)
    expect(second).toMatchObject({ code: 0, out: expect.stringContaining('it has ended') })
    expect((await cli.run(['run', 'show', run])).out).toMatch(/state: +canceled/)
    expect((await sign('approver-2', '--confirm', run)).code).toBe(5)
  })

  it('pause, resume, skip and roll back are asked for with a reason', async () => {
    const run = await cli.declare()
    const reason = ['--reason', 'as discussed']
    for (const words of [
      ['pause', run],
      ['resume', run],
      ['skip', run, '--node', 'GPK/check'],
    ]) {
      expect(await cli.run(['run', ...words, ...reason]), words[0]).toMatchObject({ code: 0, err: '' })
      expect((await cli.run(['run', ...words, '--reason', ' '])).code, words[0]).toBe(2)
    }
    expect((await cli.run(['run', 'rollback', run, ...reason])).code).toBe(2)
    const asked = await cli.run(['run', 'rollback', run, ...reason, '--confirm', run, '--json'])
    expect(JSON.parse(asked.out)).toEqual({ accepted: true })
  })
})

describe('watching a run', () => {
  let watching: ChildProcess
  let out = ''
  afterEach(() => watching.kill())

  function watch(run: string, ...more: string[]): Promise<number | null> {
    out = ''
    watching = spawn(process.execPath, [bin, 'run', 'watch', run, ...more], { env: cli.environment() })
    watching.stdout?.on('data', (chunk) => (out += String(chunk)))
    watching.stderr?.on('data', (chunk) => (out += String(chunk)))
    return new Promise((resolve) => watching.on('exit', resolve))
  }

  async function until(text: string | RegExp): Promise<void> {
    await expect.poll(() => out).toMatch(text)
  }

  async function take(run: string): Promise<(message: string) => Promise<unknown>> {
    const term = (await cli.api.journal.acquire(run, { daemon: 'd', incarnation: 'i' }, 60_000)) as Term
    return (message) =>
      cli.api.journal.append(term, [{ kind: 'approvals-counted', node: 'approve', by: [message] }])
  }

  it('goes on after a restart of the daemon, each entry once, until the run ends', async () => {
    const run = await cli.declare()
    const say = await take(run)
    const exit = watch(run)
    await until(/approve waiting 0\/2/)
    await until(/need steps before them/)
    await say('before the restart')
    await until('before the restart')
    await cli.stop()
    await until(/does not answer/)
    await say('while it was away')
    await cli.start()
    await until('while it was away')
    await until(/connected again, from entry \d+/)
    await cli.api.journal.append({ runId: run, term: 1 }, [{ kind: 'run-ended', outcome: 'canceled' }])
    expect(await exit).toBe(7)
    expect(out).toMatch(/The run has ended: canceled/)
    for (const message of ['before the restart', 'while it was away'])
      expect(out.split(message)).toHaveLength(2)
  })

  it('with --json is one object a line', async () => {
    const run = await cli.declare()
    const say = await take(run)
    const exit = watch(run, '--json', '--from', '2')
    await say('one')
    await until('"one"')
    await cli.api.journal.append({ runId: run, term: 1 }, [{ kind: 'run-ended', outcome: 'canceled' }])
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
