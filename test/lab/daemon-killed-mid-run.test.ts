import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { daemonLog, killDaemon, restartDaemon } from '../../lab/daemon.ts'
import type { Scene } from '../../lab/drill/scene.ts'
import { askDatabase } from '../../lab/report/stored-ids.ts'
import { playDrill, type PlayedDrill } from '../support/drill.ts'

/*
 * The executing daemon dies in the middle of a failover, again and again.
 *
 * 1. Daejeon is lost, the failover is declared, approved and attested.
 * 2. While the run works, Gwangju's daemon is killed with -9 at three random moments and started again each time.
 * 3. It adopts its orphaned PostgreSQL and Redis, and goes on from the journal.
 * 4. The end is the same as without: every system serves, each standby was promoted once, each check stored once.
 */
describe('a daemon that is killed again and again while it executes a failover', () => {
  const seed = Date.now() % 100_000
  let played: PlayedDrill

  beforeAll(async () => {
    process.stderr.write(`moments of the kills come from seed ${seed}\n`)
    played = await playDrill({ moments: { duringRun: killThreeTimes } })
  })
  afterAll(() => played?.end())

  async function killThreeTimes({ instance }: Scene): Promise<void> {
    for (const pause of pauses(seed)) {
      await sleep(pause)
      await killDaemon(instance, 'gwangju', 'SIGKILL')
      await sleep(200)
      await restartDaemon(instance, 'gwangju')
    }
  }

  test('finishes the failover, and citizens are served by every system', () => {
    expect(played.report.run.state).toBe('succeeded')
    for (const { id, citizens } of played.report.systems) expect(citizens.awayMs, id).not.toBeNull()
  })

  test('promotes no standby twice and stores no check twice', async () => {
    const query = `SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8),
      (SELECT string_agg(epoch || ' ' || run_id, ',') FROM haetae_authority),
      (SELECT count(*) FROM transactions WHERE id LIKE 'haetae-%')`
    const moved = played.report.systems.filter(({ part }) => part === 'moved')
    expect(moved).toHaveLength(9)
    for (const { id } of moved) {
      const rows = await askDatabase(played.scene.instance, played.system(id), 'gwangju', query)
      expect(rows, id).toEqual([`00000002|2 ${played.report.run.id}|1`])
    }
  })

  test('adopts its orphaned PostgreSQL and Redis and starts no second ones', async () => {
    const log = await readFile(daemonLog(played.scene.instance, 'gwangju'), 'utf8')
    const lines = log.split('\n')
    for (const program of ['PostgreSQL', 'Redis']) {
      const states = lines.filter((line) => line.includes(`"program":"${program}","status":"up"`))
      const adopted = states.map((line) => line.includes('"adopted":true'))
      // A start can be killed before it comes to say so: one at the least is there, the last.
      expect(adopted.length, program).toBeGreaterThan(1)
      expect(adopted, program).toEqual([false, ...adopted.slice(1).map(() => true)])
    }
  })
})

/** Three pauses of up to four seconds: the run takes some ten, and a daemon about two to be back. */
function pauses(seed: number): number[] {
  let state = seed
  return Array.from({ length: 3 }, () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return (state / 2147483648) * 4000
  })
}
