import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { restartDaemon, stopDaemon } from '../../lab/daemon.ts'
import { until } from '../../lab/drill/waiting.ts'
import { siteKubectl } from '../../lab/site/control.ts'
import { runbookObject } from '../../lab/systems/access.ts'
import { daemonPaths } from '../../lab/systems/daemon-files.ts'
import { pairLab, type PairLab } from '../support/pair-lab.ts'

/** Writers are paused, a notice is posted, and the run rests until people are done. */
const maintenance = `
apiVersion: haetae/v1
kind: Runbook
metadata: { name: maintenance, title: { ko: 점검, en: Maintenance } }
modes: [operation]
steps:
  - id: pause
    title: { ko: 쓰기 중지, en: Pause the writers }
    type: pg.pauseWriters
    with:
      site: \${{ to.site }}
      system: \${{ system.id }}
      host: \${{ to.database.host }}
      port: \${{ to.database.port }}
      database: \${{ system.database.name }}
      ttlSeconds: 600
    verify: { within: 10s, every: 500ms }
    timeout: { attempt: 30s, total: 2m }
  - id: notice
    title: { ko: 안내 게시, en: Post the notice }
    type: k8s.apply
    needs: [pause]
    with:
      site: \${{ to.site }}
      namespace: \${{ system.namespace }}
      object: { apiVersion: v1, kind: ConfigMap, metadata: { name: ${runbookObject} }, data: { mode: maintenance } }
    verify: { within: 10s, every: 1s }
    timeout: { attempt: 10s, total: 1m }
  - id: rest
    title: { ko: 작업 대기, en: Wait for the work }
    type: wait
    needs: [notice]
    with: { for: 30m }
`

const patiently = { withinMs: 60_000, signal: new AbortController().signal }

/*
 * An operation is rolled back after somebody changed what it had done.
 *
 * 1. It pauses AID's writers and posts a notice. Somebody rewrites the notice by hand. The run is rolled back.
 * 2. The notice is not touched: the run asks, with what it had left and what is there. The writers are still paused.
 * 3. A person says that the notice stays. The writers write again, the run is rolled back, and says what was left so.
 */
describe('a roll back on a site of the lab', () => {
  let lab: PairLab
  beforeAll(async () => {
    lab = await pairLab()
    const { catalogue } = daemonPaths(lab.instance, 'daejeon')
    await writeFile(join(catalogue, 'runbooks', 'maintenance.yaml'), maintenance)
    await stopDaemon(lab.instance, 'daejeon')
    await restartDaemon(lab.instance, 'daejeon')
    const back = () =>
      lab.view.systems('daejeon').then(
        () => ({ done: true }),
        (error: unknown) => ({ notYet: String(error) }),
      )
    await until(back, { ...patiently, what: 'the daemon serves again' })
  })
  afterAll(() => lab?.end())

  const at = ['--site', 'daejeon', '--as', 'operator-1']
  let number = 0
  const write = () =>
    lab.ask({
      ...{ address: '10.71.1.12', name: 'aid.gov.test', method: 'POST', path: '/transactions' },
      body: { id: `roll-back-${(number += 1)}` },
    })

  async function comesTo(
    run: string,
    what: string,
    is: (found: Awaited<ReturnType<typeof find>>) => boolean,
  ) {
    const looking = async () => {
      const found = await find(run)
      return is(found) ? { done: found } : { notYet: `${found.state}, ${found.nodesDone} of ${found.nodes}` }
    }
    return until(looking, { what, ...patiently })
  }
  const find = (run: string) => lab.view.run('daejeon', run)

  test('leaves what somebody changed since, asks, and takes back the rest', async () => {
    const args = ['runbook', 'run', 'maintenance', '--systems', 'AID', '--confirm', 'maintenance']
    const { id } = (await lab.command(...args, ...at, '--quiet', '--reason', 'storage is changed')) as {
      id: string
    }
    const stateOf = ({ graph }: Awaited<ReturnType<typeof find>>, node: string) =>
      graph.find((each) => each.id === node)?.state
    await comesTo(id, 'the notice is posted', (found) => stateOf(found, 'AID/notice') === 'succeeded')
    expect(await write()).toBe(503)

    const kubectl = await siteKubectl(lab.instance, 'daejeon')
    const notice = (...words: string[]) => kubectl(['-n', 'aid', ...words])
    await notice('patch', `configmap/${runbookObject}`, '-p', '{"data":{"mode":"back at noon"}}')
    await lab.command('run', 'rollback', id, '--confirm', id, ...at, '--reason', 'the wrong day')
    const asking = await comesTo(id, 'it asks', ({ state }) => state === 'needs-person')
    const question = asking.graph.find((each) => each.id === 'AID/notice~undo')?.question
    expect(question).toMatchObject({
      reason: 'changed',
      facts: {
        changed: [
          {
            target: `ConfigMap/${runbookObject} in aid`,
            left: { 'data.mode': 'maintenance' },
            found: { 'data.mode': 'back at noon', writtenBy: ['kubectl-patch'] },
          },
        ],
      },
    })
    expect(await write()).toBe(503)

    const node = ['--node', 'AID/notice~undo', '--answer', 'holds']
    await lab.command('run', 'decide', id, ...node, ...at, '--reason', 'the notice stays')
    const ended = await comesTo(id, 'it has ended', ({ state }) => state === 'rolled-back')
    expect(ended.left).toMatchObject([
      {
        node: 'AID/notice',
        why: { en: 'somebody changed it since, and operator-1 left it so: the notice stays' },
      },
    ])
    const mode = await notice('get', `configmap/${runbookObject}`, '-o', 'jsonpath={.data.mode}')
    expect(mode).toBe('back at noon')
    await until(async () => ((await write()) < 300 ? { done: true } : { notYet: 'writers are refused' }), {
      ...{ what: 'writers are accepted', ...patiently },
    })
  })
})
