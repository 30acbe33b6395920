import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ReplyOf } from '#api/contract.ts'
import { killDaemon } from '../../lab/daemon.ts'
import type { Scene } from '../../lab/drill/scene.ts'
import { until } from '../../lab/drill/waiting.ts'
import { runInSite, signalSitePart, startSitePart } from '../../lab/site/control.ts'
import { playDrill, type PlayedDrill } from '../support/drill.ts'
import { JournalBeside } from './journal-beside.ts'
import { supervisedPids } from './killing.ts'

/*
 * What a failover stands on fails while it works, one after the other.
 *
 * 1. Daejeon is lost: it drops every packet, and answers nothing.
 * 2. Once a promotion has begun, Gwangju's API server is killed, and started again some seconds later.
 * 3. Then Haetae's own PostgreSQL is killed; the daemon starts it again. A moment later once more.
 * 4. Then the daemon is stopped (SIGSTOP) for longer than a term lasts, and goes on.
 * 5. Then the API server takes connections and answers none (SIGSTOP), and goes on.
 * 6. The run ends as without all that, nothing was done twice, and no attempt outlasted its deadline.
 */
/** How long a term lasts (engine/options.ts). */
const termMs = 15_000

describe('a failover in which what it stands on fails', () => {
  let played: PlayedDrill
  const happened: string[] = []

  beforeAll(async () => {
    played = await playDrill({ moments: { duringRun: failAll } })
  })
  afterAll(() => played?.end())

  async function failAll(scene: Scene, run: string): Promise<void> {
    const { instance, to } = scene
    const journal = new JournalBeside(scene, run)
    const fault = async (name: string, make: () => Promise<void>): Promise<void> => {
      const { ended, done } = await journal.progress()
      if (ended) return
      await make()
      happened.push(`${name}, after ${done} steps`)
    }
    await journal.untilMore('promotions begun', 1)
    await fault('API server killed', async () => {
      await signalSitePart(instance, to, 'kube-apiserver', 'SIGKILL')
      await sleep(4000)
      await startSitePart(instance, to, 'kube-apiserver')
    })
    await journal.untilMore('done', 1)
    await fault('PostgreSQL killed', () => killPostgres(scene))
    await fault('PostgreSQL killed again', () => killPostgres(scene))
    await fault('daemon stopped', async () => {
      await killDaemon(instance, to, 'SIGSTOP')
      await sleep(termMs * 1.3)
      await killDaemon(instance, to, 'SIGCONT')
    })
    await fault('API server silent', async () => {
      await signalSitePart(instance, to, 'kube-apiserver', 'SIGSTOP')
      await sleep(8000)
      await signalSitePart(instance, to, 'kube-apiserver', 'SIGCONT')
    })
  }

  /** Kills the server's first process, and waits until the daemon has started another. */
  async function killPostgres(scene: Scene): Promise<void> {
    const { postgres } = await supervisedPids(scene)
    await runInSite(scene.instance, scene.to, ['kill', '-KILL', postgres.split(' ')[0] ?? ''])
    await until(
      async () => {
        const now = await supervisedPids(scene).catch(() => ({ postgres }))
        const answers = await new JournalBeside(scene, '').progress().then(
          () => true,
          () => false,
        )
        return answers && now.postgres !== postgres ? { done: now } : { notYet: now.postgres }
      },
      { what: 'the daemon starts its PostgreSQL again', withinMs: 30_000, signal: scene.signal },
    )
  }

  test('meets them all in the middle of its work', () => {
    process.stderr.write(`faults: ${JSON.stringify(happened)}\n`)
    expect(happened).toHaveLength(5)
  })

  test('ends, and citizens are served by every system', async () => {
    expect(played.report.run.state).toBe('succeeded')
    for (const { id, citizens } of played.report.systems) expect(citizens.awayMs, id).not.toBeNull()
  })

  test('lost no transaction of a synchronous system', () => {
    for (const system of played.report.systems.filter(({ targets }) => targets?.rpoMs === 0))
      expect(system.citizens.lost, system.id).toEqual([])
  })

  test('took a newer term after the stop: the old one was over', async () => {
    const items = await entries()
    expect(items.filter(({ kind }) => kind === 'term-taken').length).toBeGreaterThan(1)
  })

  test('let no attempt outlast its deadline by more than it takes to record its end', async () => {
    const client = played.scene.haetae.client('gwangju')
    const params = { run: played.report.run.id }
    const items = await entries()
    const { plan } = await client.call('runPlan', { params })
    const limits = new Map(plan.subject.nodes.map((node) => [node.id, node.limits.attemptMs]))
    const attempts = attemptsOf(items)
    expect(attempts.length).toBeGreaterThan(plan.systems.length)
    for (const { node, ms, kind } of attempts)
      expect(ms, `${node} ${kind}`).toBeLessThan((limits.get(node) ?? 0) + termMs * 2)
  })

  async function entries(): Promise<ReplyOf<'runJournal'>['items']> {
    const client = played.scene.haetae.client('gwangju')
    const params = { run: played.report.run.id }
    const { items, next } = await client.call('runJournal', { params, query: { after: 0, limit: 1000 } })
    expect(next).toBeNull()
    return items
  }

  /** Every attempt of the journal, with how long it took until its outcome was recorded. */
  function attemptsOf(items: ReplyOf<'runJournal'>['items']): { node: string; ms: number; kind: string }[] {
    const outcomes = ['applied', 'attempt-failed', 'attempt-unknown', 'succeeded']
    return items.flatMap((begun, index) => {
      if (begun.kind !== 'intended') return []
      const end = items.slice(index).find(({ node, kind }) => node === begun.node && outcomes.includes(kind))
      expect(end, `${begun.node} has an outcome`).toBeDefined()
      const ms = Date.parse(end?.at ?? '') - Date.parse(begun.at)
      return [{ node: begun.node ?? '', ms, kind: end?.kind ?? '' }]
    })
  }
})
