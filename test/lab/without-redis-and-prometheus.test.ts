import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Scene } from '../../lab/drill/scene.ts'
import { runInSite, signalSitePart } from '../../lab/site/control.ts'
import { playDrill, type PlayedDrill } from '../support/drill.ts'

/*
 * A failover needs PostgreSQL, the cluster and the name server of the recovery site, and nothing else.
 *
 * 1. Daejeon is lost and the loss is seen.
 * 2. Before anybody decides, Gwangju's Prometheus is killed and its Redis hangs.
 * 3. The failover is declared, approved, attested and executed, and citizens are served by every system.
 */
describe('a failover without Redis and Prometheus', () => {
  let played: PlayedDrill

  beforeAll(async () => {
    played = await playDrill({ moments: { beforeDecisions: stopBoth } })
  })
  afterAll(() => played?.end())

  async function stopBoth({ instance }: Scene): Promise<void> {
    await signalSitePart(instance, 'gwangju', 'prometheus', 'SIGKILL')
    // Ended, it would be started again by the daemon: hanging is worse and lasts.
    await runInSite(instance, 'gwangju', ['pkill', '-STOP', '-x', 'redis-server'])
  }

  test('finishes, and citizens are served by every system', () => {
    expect(played.report.run.state).toBe('succeeded')
    for (const { id, citizens } of played.report.systems) expect(citizens.awayMs, id).not.toBeNull()
  })

  test('had neither of them to the end', async () => {
    const { instance } = played.scene
    const states = await runInSite(instance, 'gwangju', ['ps', '-eo', 'comm,stat'])
    expect(states).toMatch(/redis-server +T/)
    expect(states).not.toMatch(/^prometheus/m)
  })
})
