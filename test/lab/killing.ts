import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { ownPostgresConnection } from '#platform/supervise/postgres.ts'
import { daemonPid, killDaemon, restartDaemon } from '../../lab/daemon.ts'
import type { Scene } from '../../lab/drill/scene.ts'
import { runInSite } from '../../lab/site/control.ts'
import { daemonPaths } from '../../lab/systems/daemon-files.ts'
import type { Random } from '../sim/world/random.ts'

/** One kill, and how far the run was. */
export interface Kill {
  aim: string
  nodesDone: number
  ended: boolean
}

/** Pids, as the site sees them, of what a daemon supervises; undefined for what does not run. */
export interface Supervised {
  postgres: string
  redis: string
}

export async function supervisedPids({ instance, to }: Scene): Promise<Supervised> {
  const pidFile = `${daemonPaths(instance, to).data}/postgres/postmaster.pid`
  // The third line is the moment of its start.
  const postgres = (await runInSite(instance, to, ['cat', pidFile])).split('\n')
  const redis = await runInSite(instance, to, ['pgrep', '-x', 'redis-server'])
  return { postgres: `${postgres[0]} since ${postgres[2]}`, redis: redis.trim() }
}

interface Progress {
  done: number
  begun: number
  'promotions begun': number
}

/**
 * Kills the executing daemon with SIGKILL at random moments of a run and starts it again each time. The moments are
 * counted in steps that begin, read from the journal beside the daemon, so that they lie in the middle of the run on
 * a fast machine and on a slow one; the first is the beginning of a promotion.
 */
export class Killer {
  readonly kills: Kill[] = []
  readonly #scene: Scene
  readonly #run: string
  readonly #random: Random
  readonly #journal: pg.Client

  constructor(scene: Scene, run: string, random: Random) {
    this.#scene = scene
    this.#run = run
    this.#random = random
    const folder = `${daemonPaths(scene.instance, scene.to).data}/postgres`
    this.#journal = new pg.Client(ownPostgresConnection(folder))
  }

  async killAgainAndAgain(times: number): Promise<void> {
    await this.#journal.connect()
    try {
      for (let kill = 0; kill < times; kill++) {
        const what = kill === 0 ? 'promotions begun' : this.#random.pick(['begun', 'done'] as const)
        const count = 1 + this.#random.below(kill === 0 ? 2 : 8)
        if (!(await this.#untilMore(what, count))) return
        await sleep(this.#random.below(300))
        await this.#kill(`${count} more ${what}`)
        // Now and then it dies again before it is up.
        if (!this.#random.chance(0.3)) continue
        await sleep(this.#random.below(2_000))
        await this.#kill('while it starts')
      }
    } finally {
      await this.#journal.end()
    }
  }

  async #kill(aim: string): Promise<void> {
    const { instance, to } = this.#scene
    if ((await daemonPid(instance, to)) === undefined) return
    await killDaemon(instance, to, 'SIGKILL')
    const { rows } = await this.#journal.query<{ nodes_done: number; ended_at: Date | null }>(
      'SELECT nodes_done, ended_at FROM runs WHERE id = $1',
      [this.#run],
    )
    this.kills.push({ aim, nodesDone: rows[0]?.nodes_done ?? 0, ended: rows[0]?.ended_at !== null })
    await sleep(this.#random.below(300))
    await restartDaemon(instance, to)
  }

  /** Waits until so many more steps have begun or are done; false when the run ended before. */
  async #untilMore(what: keyof Progress, count: number): Promise<boolean> {
    const before = (await this.#progress())[what]
    for (const deadline = Date.now() + 120_000; Date.now() < deadline;) {
      const now = await this.#progress()
      if (now.ended) return false
      if (now[what] >= before + count) return true
      await sleep(20)
    }
    return false
  }

  async #progress(): Promise<Progress & { ended: boolean }> {
    const { rows } = await this.#journal.query<Progress & { ended: boolean }>(
      `SELECT ended_at IS NOT NULL AS ended, nodes_done AS done,
         (SELECT count(*) FROM run_journal WHERE run_id = $1 AND kind = 'intended')::int AS begun,
         (SELECT count(*) FROM run_journal WHERE run_id = $1 AND kind = 'intended'
            AND event->>'node' LIKE '%/promote')::int AS "promotions begun"
       FROM runs WHERE id = $1`,
      [this.#run],
    )
    return rows[0] ?? { ended: true, done: 0, begun: 0, 'promotions begun': 0 }
  }
}
