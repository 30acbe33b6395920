import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ReplyOf } from '#api/contract.ts'
import type { SiteLine, SystemLine } from '../../lab/drill/haetae-view.ts'
import type { Scene } from '../../lab/drill/scene.ts'
import { until } from '../../lab/drill/waiting.ts'
import { runInSite, signalSitePart } from '../../lab/site/control.ts'
import { daemonPaths } from '../../lab/systems/daemon-files.ts'
import { Random } from '../sim/world/random.ts'
import { playDrill, type PlayedDrill } from '../support/drill.ts'
import { Killer } from './killing.ts'

/*
 * A failover needs PostgreSQL, the cluster and the name server of the recovery site, and nothing else.
 *
 * 1. Daejeon is lost and the loss is seen.
 * 2. Before anybody decides, Gwangju's Prometheus and Redis end, and the daemon cannot start Redis again.
 * 3. Haetae is ready for a failover all the same, and says what is unknown now, and why.
 * 4. The failover is declared, approved, attested and executed; the daemon is killed in the middle of it and comes
 *    back without either of them; citizens are served by every system.
 */
describe('a failover without Redis and Prometheus', () => {
  let played: PlayedDrill
  let said: {
    ready: ReplyOf<'readyz'>
    systems: SystemLine[]
    sites: SiteLine[]
    findings: ReplyOf<'findingList'>['items']
  }
  let killer: Killer

  beforeAll(async () => {
    played = await playDrill({
      moments: {
        beforeDecisions: async (scene) => {
          await stopBoth(scene)
          said = await whatIsSaid(scene)
        },
        duringRun: async (scene, run) => {
          killer = new Killer(scene, run, new Random(1))
          await killer.killAgainAndAgain(1)
        },
      },
    })
  })
  afterAll(() => played?.end())

  async function stopBoth({ instance, to }: Scene): Promise<void> {
    await signalSitePart(instance, to, 'prometheus', 'SIGKILL')
    // A file in the place of its folder: the daemon would start it again otherwise.
    const folder = join(daemonPaths(instance, to).data, 'redis')
    await rename(folder, `${folder}.away`)
    await writeFile(folder, '')
    await runInSite(instance, to, ['pkill', '-KILL', '-x', 'redis-server'])
  }

  /** What the daemon answers once it has noticed both. */
  async function whatIsSaid({ haetae, to, signal }: Scene): Promise<typeof said> {
    const client = haetae.client(to)
    return until(
      async () => {
        const ready = await client.call('readyz')
        const { items: findings } = await client.call('findingList', {
          query: { state: 'open', limit: 1000 },
        })
        const failing = ready.checks.filter(({ ok }) => !ok).map(({ name }) => name)
        const noticed = findings.some(({ rule }) => rule === 'backup-queue-away') && failing.length === 2
        if (!noticed) return { notYet: `not in order: ${failing.join(', ')}` }
        return { done: { ready, findings, systems: await haetae.systems(to), sites: await haetae.sites(to) } }
      },
      { what: 'the daemon notices that Redis and Prometheus are away', withinMs: 60_000, signal },
    )
  }

  test('is what the daemon is ready for, and it says what is away and what waits for it', () => {
    expect(said.ready.ready).toBe(true)
    const details = Object.fromEntries(
      said.ready.checks.map(({ name, ok, detail }) => [name, ok || JSON.stringify(detail)]),
    )
    expect(details['postgres']).toBe(true)
    expect(details['redis']).toContain('backups wait')
    expect(details['prometheus']).toContain('Prometheus of this site is not available')
    const queue = said.findings.find(({ rule }) => rule === 'backup-queue-away')
    expect(JSON.stringify(queue?.message)).toContain('backups wait for Redis')
  })

  test('leaves the health of what runs at the site unknown, for the reason that nobody measures it', () => {
    const here = said.systems.filter(({ activeSite, id }) => activeSite === 'gwangju' && isOfTheLab(id))
    expect(here.map(({ id }) => id).sort()).toEqual(['HTX', 'PAT', 'UNI'])
    for (const { id, health, reasons } of here) {
      expect(health, id).toBe('unknown')
      expect(JSON.stringify(reasons), id).toContain('Prometheus of this site is not available')
    }
  })

  test('leaves the loss suspected by the vantage points that need no Prometheus', () => {
    const lost = said.sites.find(({ id }) => id === 'daejeon')
    expect(lost?.state).toBe('suspected-lost')
    const saw = (words: string) => lost?.vantagePoints.find(({ from }) => from.includes(words))?.sees
    expect(saw('Prometheus')).toBe('unavailable')
    expect([saw('daemon'), saw('API server')]).toEqual(['silence', 'silence'])
  })

  test('is executed to its end, also by a daemon that was killed and came back without them', () => {
    expect(killer.kills).toEqual([expect.objectContaining({ ended: false })])
    expect(played.report.run.state).toBe('succeeded')
    for (const { id, citizens } of played.report.systems) expect(citizens.awayMs, id).not.toBeNull()
  })

  test('had neither of them to the end', async () => {
    const names = await runInSite(played.scene.instance, 'gwangju', ['ps', '-eo', 'comm'])
    expect(names).not.toMatch(/^(?:redis-server|prometheus)/m)
  })

  function isOfTheLab(id: string): boolean {
    return played.scene.systems.some((system) => system.id === id)
  }
})
