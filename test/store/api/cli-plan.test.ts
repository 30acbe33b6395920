import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CliFixture } from './cli-fixture.ts'

const cli = new CliFixture()
const plan = (systems: string, file: string) =>
  cli.run(['plan', '--from', 'daejeon', '--systems', systems, '--out', cli.path(file)])
const diff = (a: string, b: string, ...more: string[]) => cli.run(['plan', 'diff', a, b, ...more])

describe('plans in files', () => {
  it('are written beside what is shown, and compared without a daemon', async () => {
    expect((await plan('GPK', 'one.json')).out).toContain('Failover plan')
    await plan('GPK', 'same.json')
    await plan('GPK,AID', 'more.json')
    await cli.stop()
    const same = await diff(cli.path('one.json'), cli.path('same.json'))
    expect(same).toMatchObject({ code: 0, err: '' })
    expect(same.out).toContain('The same plan')
    const more = await diff(cli.path('one.json'), cli.path('more.json'))
    expect(more.code).toBe(8)
    for (const part of ['+ AID', '+ AID/promote', 'AID loses']) expect(more.out).toContain(part)
    for (const line of more.out.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    const korean = await diff(cli.path('one.json'), cli.path('more.json'), '--lang', 'ko')
    expect(korean.out).toContain('서로 다른 계획입니다')
  })

  it('are compared with the plan of a run by its name', async () => {
    const run = await cli.declare('GPK')
    const file = cli.path('signed.json')
    writeFileSync(file, (await cli.run(['run', 'show', run, '--plan', '--json'])).out)
    expect((await diff(run, file)).code).toBe(0)
    const { code, out } = await diff(run, file, '--json')
    expect({ code, ...(JSON.parse(out) as object) }).toMatchObject({ code: 0, same: true })
  })

  it('that are none, or not what their digest says, are refused', async () => {
    await plan('GPK', 'one.json')
    expect(await diff(cli.path('one.json'), 'no-such-run')).toMatchObject({ code: 4 })
    writeFileSync(cli.path('other.json'), '{"run":"x","plan":{}}')
    const none = await diff(cli.path('one.json'), cli.path('other.json'))
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining('it is no plan') as string })
    const lie = readFileSync(cli.path('one.json'), 'utf8').replace('"toSite": "gwangju"', '"toSite": "daegu"')
    writeFileSync(cli.path('lie.json'), lie)
    expect(await diff(cli.path('one.json'), cli.path('lie.json'))).toMatchObject({ code: 5 })
    const place = await cli.run(['plan', '--from', 'daejeon', '--out', cli.path('no/such/folder.json')])
    expect(place).toMatchObject({ code: 2, err: expect.stringContaining('no such file') as string })
  })
})

describe('what has changed since a plan was made', () => {
  it('is nothing, or is told with a code of its own', async () => {
    const run = await cli.declare('GPK')
    const same = await cli.run(['run', 'drift', run])
    expect(same).toMatchObject({ code: 0, out: expect.stringContaining('Nothing has changed') as string })
    const statement = { ko: '대전: 응답 없음', en: 'Daejeon does not answer' }
    cli.api.drift.broken.push({
      kind: 'source-silent',
      subject: 'daejeon',
      statement,
      why: 'its daemon answers',
    })
    cli.api.drift.nodes.push({
      node: 'GPK/start',
      system: 'GPK',
      before: [
        {
          certainty: 'exact',
          target: 'Deployment/web in gpk',
          before: { replicas: 0 },
          after: { replicas: 2 },
        },
      ],
      now: [],
    })
    cli.api.drift.parts.push({
      ...{ node: 'ONN', changed: ['catalogue', 'actions'], unplanned: null },
      differs: [{ name: 'ONN/traffic with.ttlSeconds', approved: 2, now: 60 }],
    })
    const drifted = await cli.run(['run', 'drift', run])
    expect(drifted.code).toBe(8)
    const parts = [
      'void the approvals',
      'its daemon answers',
      'GPK/start',
      'replicas: 0 → 2',
      'it changes nothing',
      '~ ONN/traffic with.ttlSeconds: 2 → 60',
    ]
    for (const part of parts) expect(drifted.out).toContain(part)
    const { code, out } = await cli.run(['run', 'drift', run, '--json'])
    expect(code).toBe(8)
    expect(JSON.parse(out)).toMatchObject({ run, broken: [{ kind: 'source-silent' }] })
    expect((await cli.run(['run', 'drift', 'no-such-run'])).code).toBe(4)
  })
})
