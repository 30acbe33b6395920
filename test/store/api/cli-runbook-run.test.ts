import { describe, expect, it } from 'vitest'
import { CliFixture } from './cli-fixture.ts'

const cli = new CliFixture()
const run = (systems: string, ...more: string[]) =>
  cli.run(['runbook', 'run', 'settle', '--systems', systems, '--reason', 'storage is changed', ...more])
const settle = (systems: string, ...more: string[]) =>
  run(systems, '--confirm', 'settle', '--input', 'pause=5s', ...more)

describe('an operation', () => {
  it('is planned, signed and created at the active site, and needs nobody where it has no gate', async () => {
    const { out, err, code } = await settle('HTX')
    expect({ err, code }).toEqual({ err: '', code: 0 })
    expect(out).toMatch(/Operation plan: settle, gwangju, 1 system\n +input pause: "5s"/)
    expect(out).toContain('none: it begins when it is requested')
    expect(out).toMatch(/HTX\/settle +wait +Let it settle/)
    expect(out).not.toMatch(/RTO|full|attest/)
    const [, id = ''] = /Run (\S+) is created, and begins/.exec(out) ?? []
    const shown = await cli.run(['run', 'show', id, '--json'])
    expect(JSON.parse(shown.out)).toMatchObject({
      ...{ id, mode: 'operation', fromSite: null, toSite: 'gwangju', systems: ['HTX'], gates: [] },
      reason: 'storage is changed',
    })
    const list = await cli.run(['run', 'list'])
    expect(list.out).toMatch(new RegExp(`${id} .* operation +gwangju +HTX`))
    expect((await cli.run(['run', 'show', id])).out).not.toContain('promoted')
  })

  it('is shown with --plan-only, and nothing is created', async () => {
    const { out, code } = await cli.run([
      ...[
        'runbook',
        'run',
        'settle',
        '--systems',
        'htx',
        '--input',
        'pause=1m',
        '--plan-only',
        '--lang',
        'ko',
      ],
    ])
    expect(code).toBe(0)
    expect(out).toContain('운영 작업 계획: settle, gwangju')
    expect((await cli.run(['run', 'list', '--json'])).out).toContain('"items": []')
  })

  it('of a system that has a run is refused, and told which', async () => {
    const first = JSON.parse((await settle('HTX', '--json')).out) as { id: string }
    const again = await settle('HTX')
    expect(again).toMatchObject({ code: 5, err: expect.stringContaining(first.id) as string })
  })

  it('with a gate waits for two people, none of them the requester, and asks nobody to attest', async () => {
    const args = ['runbook', 'run', 'guarded', '--systems', 'HTX', '--reason', 'x', '--confirm', 'guarded']
    const { out } = await cli.run(args)
    expect(out).toMatch(/approve +2 people sign: Approve/)
    const [, id = ''] = /Run (\S+) is created, and waits for people:\n +approve waiting 0\/2/.exec(out) ?? []
    expect(out).toContain(`haetae approve ${id} --gate approve`)
    expect(out).not.toContain('attest')
    expect((await cli.approve(id, 'operator-1')).err).toMatch(/requester never counts/)
    expect((await cli.approve(id, 'approver-1')).out).toContain('approve waiting 1/2')
    expect((await cli.approve(id, 'commander-1')).out).toContain('approve passed 2/2')
  })

  it.each<[string, string[], number, RegExp]>([
    ['an unknown runbook', ['setle'], 4, /no such runbook/],
    ['a runbook that moves systems', ['failover-postgres-web'], 5, /for failover, not for an operation/],
  ])('of %s is refused', async (_name, [name = ''], code, said) => {
    const ended = await cli.run([
      'runbook',
      'run',
      name,
      '--systems',
      'HTX',
      '--reason',
      'x',
      '--confirm',
      name,
    ])
    expect(ended.err).toMatch(said)
    expect(ended.code).toBe(code)
  })

  it.each<[string, () => ReturnType<typeof run>, number, RegExp]>([
    ['without an input', () => run('HTX', '--confirm', 'settle'), 2, /input pause[\s\S]*has no default/],
    ['with an input that is no pair', () => run('HTX', '--input', 'pause'), 2, /no name=value/],
    ['with an input twice', () => settle('HTX', '--input', 'pause=1s'), 2, /given twice/],
    [
      'with an input of no duration',
      () => run('HTX', '--confirm', 'settle', '--input', 'pause=soon'),
      5,
      /duration/,
    ],
    [
      'with an input that it does not have',
      () => settle('HTX', '--input', 'haste=1'),
      2,
      /no runbook of this plan/,
    ],
    [
      'on a system that is active elsewhere',
      () => settle('AID'),
      5,
      /not active at this site[\s\S]*--site daejeon/,
    ],
    ['on a system that nobody registered', () => settle('XYZ'), 4, /no such system|register/],
    ['that was not confirmed', () => run('HTX', '--input', 'pause=5s'), 2, /--confirm settle/],
    ['by a role that may not', () => settle('HTX', '--as', 'auditor-1'), 3, /declare|role/],
  ])('%s is refused', async (_name, ask, code, said) => {
    const ended = await ask()
    expect(ended.err).toMatch(said)
    expect(ended.code).toBe(code)
    expect((await cli.run(['run', 'list', '--json'])).out).toContain('"items": []')
  })
})
