import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bin, CliFixture } from './cli-fixture.ts'

const cli = new CliFixture()

/** A command at a terminal of its own, answered as it asks: what was shown, and how it ended. */
function atTerminal(args: readonly string[], answers: { asks: RegExp; say: string }[]) {
  const command = [process.execPath, bin, ...args].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: cli.environment() })
  let shown = ''
  let from = 0
  child.stdout.on('data', (chunk: Buffer) => {
    shown += String(chunk)
    for (const { asks, say } of answers) {
      const found = asks.exec(shown.slice(from))
      if (found === null) continue
      from += found.index + found[0].length
      child.stdin.write(`${say}\n`)
    }
  })
  return new Promise<{ code: number | null; shown: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, shown })),
  )
}

describe('at a terminal', () => {
  it('the plan and the gate are shown, the name typed back signs, and a passphrase is asked for', async () => {
    const run = await cli.declare('GPK')
    const context = JSON.parse(readFileSync(cli.path('context.json'), 'utf8')) as {
      keys: { [name: string]: string }
    }
    copyFileSync(context.keys['approver-1'] ?? '', cli.path('key'))
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'long secret', '-f', cli.path('key')])
    context.keys['approver-1'] = cli.path('key')
    writeFileSync(cli.path('context.json'), JSON.stringify(context))
    const { code, shown } = await atTerminal(
      ['approve', run, '--reason', 'read', '--as', 'approver-1'],
      [
        { asks: /passphrase[^:]*: ?/, say: 'long secret' },
        { asks: /name of the run: /, say: run },
      ],
    )
    expect(shown).toMatch(/Digest .*sha256:[\s\S]*approve waiting 0\/2[\s\S]*Type the name of the run/)
    expect(shown).toContain('approve waiting 1/2 (signed: approver-1)')
    expect(code).toBe(0)
  })

  it('a wrong name signs nothing', async () => {
    const run = await cli.declare('GPK')
    const answers = [{ asks: /name of the run: /, say: `${run}x` }]
    const { code, shown } = await atTerminal(
      ['approve', run, '--reason', 'read', '--as', 'approver-1'],
      answers,
    )
    expect(shown).toContain(`typed was "${run}x"`)
    expect(code).toBe(2)
    expect((await cli.run(['run', 'show', run])).out).toContain('approve waiting 0/2')
  })
})

describe('without a terminal', () => {
  it('nothing is signed unless --confirm names the run', async () => {
    const run = await cli.declare('GPK')
    const ended = await cli.run(['approve', run, '--reason', 'read', '--as', 'approver-1'])
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining('nobody typed it at a terminal') })
  })

  it('--json prints one JSON value and nothing else, also of a refusal', async () => {
    const run = await cli.declare('GPK')
    const approve = ['approve', run, '--reason', 'read', '--json', '--as', 'approver-1']
    const refused = await cli.run(approve)
    expect(JSON.parse(refused.out)).toMatchObject({ error: { code: 'not-confirmed' } })
    const done = await cli.run([...approve, '--confirm', run])
    expect(done.err).toBe('')
    expect(JSON.parse(done.out)).toMatchObject({ gate: { gate: 'approve', rules: ['built-in-approve'] } })
  })

  it('run approvals writes files that the printed commands of ssh-keygen verify', async () => {
    const run = await cli.declare('GPK')
    await cli.approve(run, 'approver-1')
    const { out } = await cli.run(['run', 'approvals', run, '--out', cli.path('evidence')])
    const commands = out.split('\n').filter((line) => line.includes('ssh-keygen -Y verify'))
    expect(commands).toHaveLength(2)
    expect(readdirSync(cli.path('evidence'))).toHaveLength(6)
    for (const command of commands) {
      const said = execFileSync('sh', ['-c', command.trim()], { cwd: cli.path('evidence'), encoding: 'utf8' })
      expect(said).toMatch(/^Good "haetae-/)
    }
  })
})
