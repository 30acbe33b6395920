import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { ownPostgresConnection } from '#platform/supervise/postgres.ts'
import type { Scene } from '../../lab/drill/scene.ts'
import { daemonPaths } from '../../lab/systems/daemon-files.ts'

/** How far a run is. */
export interface Progress {
  done: number
  begun: number
  'promotions begun': number
}

/**
 * The journal of a run as the executing daemon's PostgreSQL has it, read beside the daemon: moments that are counted in
 * steps lie in the middle of a run on a fast machine and on a slow one.
 */
export class JournalBeside {
  readonly #folder: string
  readonly #run: string

  constructor({ instance, to }: Scene, run: string) {
    this.#folder = `${daemonPaths(instance, to).data}/postgres`
    this.#run = run
  }

  /** Waits until so many more steps have begun or are done; false when the run ended before. */
  async untilMore(what: keyof Progress, count: number): Promise<boolean> {
    const before = (await this.progress())[what]
    for (const deadline = Date.now() + 120_000; Date.now() < deadline;) {
      const now = await this.progress()
      if (now.ended) return false
      if (now[what] >= before + count) return true
      await sleep(20)
    }
    return false
  }

  async progress(): Promise<Progress & { ended: boolean }> {
    const [row] = await this.#query<Progress & { ended: boolean }>(
      `SELECT ended_at IS NOT NULL AS ended, nodes_done AS done,
         (SELECT count(*) FROM run_journal WHERE run_id = $1 AND kind = 'intended')::int AS begun,
         (SELECT count(*) FROM run_journal WHERE run_id = $1 AND kind = 'intended'
            AND event->>'node' LIKE '%/promote')::int AS "promotions begun"
       FROM runs WHERE id = $1`,
    )
    return row ?? { ended: true, done: 0, begun: 0, 'promotions begun': 0 }
  }

  /** A connection of its own, so that the server may be killed in between. */
  async #query<R extends pg.QueryResultRow>(sql: string): Promise<R[]> {
    const client = new pg.Client(ownPostgresConnection(this.#folder))
    await client.connect()
    try {
      return (await client.query<R>(sql, [this.#run])).rows
    } finally {
      await client.end()
    }
  }
}
