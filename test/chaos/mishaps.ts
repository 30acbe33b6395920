import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../sim/world/random.ts'
import { postmasterPid } from '../support/daemon.ts'
import { isAlive } from '../support/processes.ts'
import { cancel } from './persons.ts'
import type { Victim } from './processes.ts'
import type { Scenario } from './scenario.ts'

/** What befalls the processes of a round. */
export class Mishaps {
  /** What happened, in order, each with the number of steps that were done. */
  readonly told: string[] = []
  readonly violations: string[] = []
  readonly #random: Random
  readonly #scenario: Scenario
  /** At the last mishap: one that was being started may have ended by itself. */
  #postgresAnswers = false

  constructor(random: Random, scenario: Scenario) {
    this.#random = random
    this.#scenario = scenario
  }

  /** What happens is told with how far the runs are: a mishap after their end would prove nothing. */
  async #tell(what: string): Promise<void> {
    const rows = await Promise.all(this.#scenario.runs.map((run) => this.#scenario.journal.run(run))).catch(
      () => [],
    )
    const done = rows.reduce((sum, row) => sum + (row?.nodesDone ?? 0), 0)
    this.#postgresAnswers = rows.length > 0
    this.told.push(rows.length === 0 ? what : `${what} at ${done}`)
  }

  /** The next mishap, by the seed; returns when it is over. */
  async strike(): Promise<void> {
    const victim = this.#random.pick(this.#scenario.victims)
    const kind = this.#random.below(28)
    if (kind < 6) return this.#kill(victim)
    if (kind < 14) return this.#strikeAtEffect('kill')
    if (kind < 18) return this.#freeze(victim)
    if (kind < 23) return this.#strikeAtEffect('freeze')
    if (kind < 27) return this.#killPostgres()
    const run = this.#random.pick(this.#scenario.runs)
    await this.#tell(`cancel ${run}`)
    await cancel(this.#scenario.journal, run).catch(() => undefined)
  }

  /** Strikes whoever is in the middle of the next effect: before it, or after it and before the answer. */
  async #strikeAtEffect(how: 'kill' | 'freeze'): Promise<void> {
    const moment = this.#random.pick(['arrived', 'landed'] as const)
    const struck = await new Promise<Victim | undefined>((done) => {
      const timer = setTimeout(() => done(undefined), 3_000)
      this.#scenario.world.trap = (reached, by) => {
        const suspects = this.#scenario.victims.filter(({ name }) => by === '' || by.startsWith(`${name}/`))
        if (reached !== moment || suspects.length === 0) return
        this.#scenario.world.trap = undefined
        clearTimeout(timer)
        for (const victim of suspects) victim.freeze() // at this very moment; what comes next is told first
        const struck = this.#random.pick(suspects)
        for (const other of suspects) if (other !== struck) other.thaw()
        done(struck)
      }
    })
    this.#scenario.world.trap = undefined
    if (struck === undefined) return
    await this.#tell(`${how} ${struck.name} when its request had ${moment}`)
    if (how === 'kill') return this.#kill(struck, false)
    await this.#hold(struck)
  }

  async #kill(victim: Victim, telling = true): Promise<void> {
    if (telling) await this.#tell(`kill ${victim.name}`)
    const before = this.#postmaster()
    await victim.kill()
    await sleep(this.#random.below(400))
    victim.start()
    // Half of the time the next mishap may meet a process that is still starting.
    if (this.#random.chance(0.5)) return
    const works = await victim.works(30_000)
    if (victim.name !== 'one' || before === undefined || !this.#postgresAnswers || !works) return
    const after = this.#postmaster()
    if (after !== before) this.violations.push(`PostgreSQL was not adopted: ${before} before, ${after} after`)
  }

  async #freeze(victim: Victim): Promise<void> {
    await this.#tell(`freeze ${victim.name}`)
    victim.freeze()
    await this.#hold(victim)
  }

  /** Longer and shorter than a term. */
  async #hold(victim: Victim): Promise<void> {
    await sleep(200 + this.#random.below(2 * this.#scenario.ttlMs))
    victim.thaw()
  }

  async #killPostgres(): Promise<void> {
    const pid = this.#postmaster()
    if (pid === undefined) return
    await this.#tell('kill PostgreSQL')
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It was being started again.
    }
    const [one] = this.#scenario.victims
    for (let waited = 0; one?.alive === true && waited < 10_000 && this.#postmaster() === pid; waited += 50)
      await sleep(50)
  }

  /** The PostgreSQL that runs now. */
  #postmaster(): number | undefined {
    try {
      const pid = postmasterPid(this.#scenario.dataDir)
      return isAlive(pid) ? pid : undefined
    } catch {
      return undefined
    }
  }
}
