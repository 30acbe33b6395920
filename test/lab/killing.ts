import { setTimeout as sleep } from 'node:timers/promises'
import { daemonPid, killDaemon, restartDaemon } from '../../lab/daemon.ts'
import type { Scene } from '../../lab/drill/scene.ts'
import { runInSite } from '../../lab/site/control.ts'
import { daemonPaths } from '../../lab/systems/daemon-files.ts'
import type { Random } from '../sim/world/random.ts'
import { JournalBeside } from './journal-beside.ts'

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

/**
 * Kills the executing daemon with SIGKILL at random moments of a run and starts it again each time. The moments are
 * counted in steps that begin, read from the journal beside the daemon, so that they lie in the middle of the run on
 * a fast machine and on a slow one; the first is the beginning of a promotion.
 */
export class Killer {
  readonly kills: Kill[] = []
  readonly #scene: Scene
  readonly #random: Random
  readonly #journal: JournalBeside

  constructor(scene: Scene, run: string, random: Random) {
    this.#scene = scene
    this.#random = random
    this.#journal = new JournalBeside(scene, run)
  }

  async killAgainAndAgain(times: number): Promise<void> {
    for (let kill = 0; kill < times; kill++) {
      const what = kill === 0 ? 'promotions begun' : this.#random.pick(['begun', 'done'] as const)
      const count = 1 + this.#random.below(kill === 0 ? 2 : 8)
      if (!(await this.#journal.untilMore(what, count))) return
      await sleep(this.#random.below(300))
      await this.#kill(`${count} more ${what}`)
      // Now and then it dies again before it is up.
      if (!this.#random.chance(0.3)) continue
      await sleep(this.#random.below(2_000))
      await this.#kill('while it starts')
    }
  }

  async #kill(aim: string): Promise<void> {
    const { instance, to } = this.#scene
    if ((await daemonPid(instance, to)) === undefined) return
    await killDaemon(instance, to, 'SIGKILL')
    const { done, ended } = await this.#journal.progress()
    this.kills.push({ aim, nodesDone: done, ended })
    await sleep(this.#random.below(300))
    await restartDaemon(instance, to)
  }
}
