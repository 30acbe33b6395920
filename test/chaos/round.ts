import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '#model/errors.ts'
import { terminalRunStates } from '#model/states.ts'
import { Random } from '../sim/world/random.ts'
import { pidsIn } from '../support/daemon.ts'
import { sequenceViolations, violationsOf } from './check.ts'
import { daemonScenario } from './daemon-scenario.ts'
import { engineScenario } from './engine-scenario.ts'
import { Mishaps } from './mishaps.ts'
import { answer, type Answered } from './persons.ts'
import type { Scenario } from './scenario.ts'

/** Rounds of whole daemons are the dearer ones: their terms are long. */
const daemonsEvery = 10

/** What a round did, for people. */
export interface RoundReport {
  seed: number
  nodes: number
  mishaps: string[]
  effects: number
  answered: Answered[]
  states: string[]
  ms: number
  violations: string[]
}

/**
 * One round: two runs on one real PostgreSQL, executed by one or two processes that are killed, frozen and started
 * again at random moments, the server itself killed with them, until both runs have ended. Every tenth seed is a round
 * of whole daemons. What happens follows from the seed; when exactly, from the machine.
 */
export async function chaosRound(seed: number, folder: string): Promise<RoundReport> {
  const round = new Round(seed, folder)
  try {
    await round.open()
    await round.play()
    return await round.report()
  } finally {
    await round.close()
  }
}

class Round {
  readonly #seed: number
  readonly #random: Random
  readonly #began = Date.now()
  readonly #scenario: Scenario
  readonly #mishaps: Mishaps
  readonly #answered: Answered[] = []

  constructor(seed: number, folder: string) {
    this.#seed = seed
    this.#random = new Random(seed)
    const logs = join(folder, `round-${seed}`)
    mkdirSync(logs, { recursive: true })
    const scenario = seed % daemonsEvery === 0 ? daemonScenario : engineScenario
    this.#scenario = scenario(seed, this.#random, folder, logs)
    this.#mishaps = new Mishaps(this.#random, this.#scenario)
  }

  open(): Promise<void> {
    return this.#scenario.begin()
  }

  async play(): Promise<void> {
    let quietSince: number | undefined
    while (Date.now() < this.#began + this.#scenario.withinMs) {
      if (this.#mishaps.told.length < this.#scenario.mishapsAtMost) await sleep(20 + this.#random.below(400))
      else await sleep(200)
      if (await this.#ended()) return
      if (this.#mishaps.told.length < this.#scenario.mishapsAtMost) {
        await this.#mishaps.strike()
        continue
      }
      this.#revive()
      // Whoever was frozen and whatever is on its way gets its time before people look at the world.
      if (this.#scenario.world.onTheWay > 0) quietSince = undefined
      quietSince ??= Date.now()
      if (Date.now() - quietSince > this.#scenario.attemptMs + 500) await this.#answerAll()
    }
    const states = await this.#states()
    this.#mishaps.violations.push(
      `after ${this.#scenario.withinMs / 1000} s the runs are ${states.join(' and ')}: neither ended nor waiting for people`,
    )
  }

  /** A service manager starts again what ended; only the second process may end by itself, without PostgreSQL. */
  #revive(): void {
    for (const victim of this.#scenario.victims) if (!victim.alive) victim.start()
  }

  async #states(): Promise<string[]> {
    try {
      const rows = await Promise.all(this.#scenario.runs.map((run) => this.#scenario.journal.run(run)))
      return rows.map((row) => row?.state ?? 'not there')
    } catch (error) {
      return [messageOf(error)]
    }
  }

  async #ended(): Promise<boolean> {
    const states = await this.#states()
    const ended: ReadonlySet<string> = terminalRunStates
    return this.#scenario.world.onTheWay === 0 && states.every((state) => ended.has(state))
  }

  async #answerAll(): Promise<void> {
    for (const run of this.#scenario.runs) {
      const answered = await answer(this.#scenario.journal, run, this.#scenario.effects).catch(
        (error: unknown) => {
          if (messageOf(error).includes('names no choices')) this.#mishaps.violations.push(messageOf(error))
          return []
        },
      )
      this.#answered.push(...answered)
      // What is there is adopted without people, but for what nobody can see, or a late effect that cannot be refused.
      for (const { node, reason, decision } of answered) {
        if (decision !== 'holds' || this.#scenario.mayAsk.includes(reason)) continue
        this.#mishaps.violations.push(`run ${run}: ${node} is there, and people were asked (${reason})`)
      }
    }
  }

  async report(): Promise<RoundReport> {
    const { runs, journal, pool } = this.#scenario
    const effects = this.#scenario.effects.read()
    const { violations } = this.#mishaps
    for (const run of runs) violations.push(...(await violationsOf(run, { ...this.#scenario, effects })))
    violations.push(...(await sequenceViolations(pool)))
    if (effects.length === 0) violations.push('nothing happened at all')
    const rows = await Promise.all(runs.map((run) => journal.run(run)))
    return {
      seed: this.#seed,
      nodes: rows.reduce((sum, row) => sum + (row?.nodes ?? 0), 0),
      mishaps: this.#mishaps.told,
      effects: effects.length,
      answered: this.#answered,
      states: await this.#states(),
      ms: Date.now() - this.#began,
      violations,
    }
  }

  /** Everything is stopped in order, the second process first: the first one has the PostgreSQL. */
  async close(): Promise<void> {
    await this.#scenario.pool.end()
    for (const victim of [...this.#scenario.victims].reverse()) {
      // The second process ends by itself when it starts without PostgreSQL, which only the first can bring back.
      const mayEnd = victim.name !== 'one'
      const surprises = victim.surprises.filter((what) => !mayEnd || !what.includes('could not start'))
      this.#mishaps.violations.push(...surprises)
      victim.thaw()
      const disorder = await victim.stop(20_000)
      if (disorder !== undefined) this.#mishaps.violations.push(disorder)
    }
    const left = pidsIn(join(this.#scenario.dataDir, 'postgres'))
    if (left.length > 0) this.#mishaps.violations.push(`PostgreSQL was left running: ${left.join(', ')}`)
    await this.#scenario.world.close()
    this.#scenario.effects.close()
  }
}
