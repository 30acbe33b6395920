import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decisionArgs, decisions, failoverArgs } from '../../lab/drill/commands.ts'
import type { Run } from '../../lab/drill/haetae-view.ts'
import { until } from '../../lab/drill/waiting.ts'
import { lose } from '../../lab/lose.ts'
import { siteKubectl } from '../../lab/site/control.ts'
import { pairLab, type PairLab } from '../support/pair-lab.ts'

/*
 * A system that keeps no data is taken to its other site together with what it needs.
 *
 * 1. Both systems serve at Daejeon. Haetae says of NSS that it has no database: no replication, no backup, no RPO.
 * 2. Daejeon loses its power. One failover of both is declared, approved and attested.
 * 3. NSS is fenced, gets an epoch, is started and asked for a real answer after AID is open, and citizens reach it at
 *    Gwangju. Its epoch stands on record, in Gwangju's cluster and beside its name.
 */
describe('a failover of a system that keeps no data', () => {
  let lab: PairLab
  let before: Record<string, unknown>
  let plan: {
    systems: Record<string, unknown>[]
    subject: { nodes: { id: string; needs: string[] }[]; assumptions: { kind: string; subject: string }[] }
  }
  let ended: Run
  const signal = new AbortController().signal

  beforeAll(async () => {
    lab = await pairLab()
    before = (await lab.command('system', 'show', 'NSS', '--site', 'gwangju')) as Record<string, unknown>
    await lose(lab.instance, 'daejeon')
    await until(
      async () => {
        const site = (await lab.view.sites('gwangju')).find(({ id }) => id === 'daejeon')
        return site?.state === 'suspected-lost' ? { done: true } : { notYet: String(site?.state) }
      },
      { what: 'the loss is suspected', withinMs: 60_000, signal },
    )
    const args = [...failoverArgs('daejeon', 'gwangju'), '--confirm', 'daejeon', '--quiet']
    const { id } = (await lab.command(...args)) as { id: string }
    for (const decision of decisions)
      await lab.command(...decisionArgs(id, 'gwangju', decision), '--confirm', id, '--quiet')
    ended = await lab.succeeded('gwangju', id)
    plan = ((await lab.command('run', 'show', id, '--plan', '--site', 'gwangju')) as { plan: typeof plan })
      .plan
  })
  afterAll(() => lab?.end())

  test('is seen before as what it is: healthy, without a database and without copies', async () => {
    expect(before).toMatchObject({ id: 'NSS', health: 'up', database: null, runbook: 'failover-stateless' })
    const { items } = await lab.view.client('gwangju').call('backupLog', { query: { limit: 1000 } })
    expect(new Set(items.map(({ system }) => system))).toEqual(new Set(['AID']))
  })

  test('is planned without a recovery point and without a promise about loss', () => {
    const about = (system: string) =>
      plan.subject.assumptions.filter(({ subject }) => subject === system).map(({ kind }) => kind)
    expect(about('NSS')).toEqual(['active-site'])
    expect(about('AID')).toContain('loss-bound')
    expect(plan.systems).toMatchObject([
      { system: 'AID', rpoTargetMs: 0 },
      { system: 'NSS', rpoTargetMs: null, recoverability: 'full' },
    ])
    expect(plan.subject.nodes.find(({ id }) => id === 'NSS/check')?.needs).toContain('AID/traffic')
  })

  test('ends with citizens served at the other site', async () => {
    expect(ended.graph.filter(({ system }) => system === 'NSS').map(({ id }) => id)).toEqual(
      ['fence', 'acquire', 'start', 'ready', 'check', 'traffic'].map((step) => `NSS/${step}`),
    )
    const times = ended.times.find(({ system }) => system === 'NSS')
    expect(times).toMatchObject({
      promoted: null,
      fenced: expect.any(String),
      up: expect.any(String),
      verified: expect.any(String),
      open: expect.any(String),
    })
    await until(
      async () => {
        await lab.record.read()
        const last = lab.record.lines.findLast(
          (line) => line.kind === 'acknowledged' && line.system === 'NSS',
        )
        const address = last?.kind === 'acknowledged' ? last.address : ''
        return address === '10.72.1.13'
          ? { done: true }
          : { notYet: `the last was acknowledged at ${address}` }
      },
      { what: 'citizens reach NSS at Gwangju', withinMs: 60_000, signal },
    )
  })

  test('leaves its epoch on record, in the cluster and beside the name, and a fence debt', async () => {
    const found = (await lab.view.systems('gwangju')).find(({ id }) => id === 'NSS')
    expect(found).toMatchObject({ activeSite: 'gwangju', epoch: 2 })
    const kubectl = await siteKubectl(lab.instance, 'gwangju')
    const mark = await kubectl([
      'get',
      'configmap',
      'authority',
      '-n',
      'haetae',
      '-o',
      'jsonpath={.data.NSS}',
    ])
    expect(mark).toBe('2:gwangju')
    expect(ended.fenceDebts.map(({ system }) => system).sort()).toEqual(['AID', 'NSS'])
  })
})
