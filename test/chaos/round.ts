import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { postgresJournal } from '#engine/journal/postgres.ts'
import type { Journal } from '#engine/journal/journal.ts'
import { messageOf } from '#model/errors.ts'
import { terminalRunStates } from '#model/states.ts'
import { systemClock } from '#platform/clock.ts'
import { ownPostgresConnection } from '#platform/supervise/postgres.ts'
import { planOf, randomPlan } from '../sim/world/plans.ts'
import { Random } from '../sim/world/random.ts'
import { pidsIn } from '../support/daemon.ts'
import { sequenceViolations, violationsOf } from './check.ts'
import { Mishaps } from './mishaps.ts'
import { answer, type Answered } from './persons.ts'
import { Victim } from './processes.ts'
import { EffectLedger } from './world/effects.ts'
import { WorldServer } from './world/server.ts'

const ttlMs = 2_000
/** Real seconds are dear: an answer that is lost is given up sooner than in the simulation. */
const limits = { attemptMs: 2_000, totalMs: 120_000, retryMax: 6, retryBaseMs: 50 }
const mishapsAtMost = 9
const roundWithinMs = 120_000

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
 * again at random moments, the server itself killed with them, until both runs have ended. What happens follows from
 * the seed; when exactly, from the machine.
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
  readonly #dataDir: string
  readonly #effects: EffectLedger
  readonly #world: WorldServer
  readonly #pool: pg.Pool
  readonly #journal: Journal
  readonly #victims: Victim[]
  readonly #runs: string[]
  readonly #mishaps: Mishaps
  readonly #answered: Answered[] = []

  constructor(seed: number, folder: string) {
    this.#seed = seed
    this.#random = new Random(seed)
    this.#dataDir = join(folder, 'one')
    const logs = join(folder, `round-${seed}`)
    mkdirSync(logs, { recursive: true })
    this.#effects = new EffectLedger(join(logs, 'effects.jsonl'))
    this.#world = new WorldServer(join(logs, 'world.sock'), this.#effects, new Random(seed + 1))
    this.#runs = [`C-${seed}-a`, `C-${seed}-b`]
    for (const [index, id] of this.#runs.entries()) this.#declare(id, index)
    const postgres = join(this.#dataDir, 'postgres')
    this.#pool = new pg.Pool({ ...ownPostgresConnection(postgres), max: 4, connectionTimeoutMillis: 2_000 })
    this.#pool.on('error', () => undefined)
    this.#journal = postgresJournal({ pool: this.#pool, clock: systemClock })
    const common = { world: this.#world.socket, ttlMs }
    this.#victims = [new Victim({ ...common, daemon: 'one', dataDir: this.#dataDir }, logs)]
    if (this.#random.chance(0.5)) {
      const postgresUrl = `postgresql://haetae@/haetae?host=${encodeURIComponent(postgres)}`
      const dataDir = join(folder, 'two')
      this.#victims.push(new Victim({ ...common, daemon: 'two', dataDir, postgresUrl }, logs))
    }
    this.#mishaps = new Mishaps({
      ...{ random: this.#random, victims: this.#victims, runs: this.#runs, journal: this.#journal },
      ...{ world: this.#world, dataDir: this.#dataDir, ttlMs },
    })
  }

  /** Two runs hold no system in common. */
  #declare(id: string, index: number): void {
    const { subject } = randomPlan(this.#random)
    const own = (name: string): string => name.replace(/^S/, `R${index}S`)
    const nodes = subject.nodes.map((node) => ({
      ...node,
      id: own(node.id),
      system: node.system === null ? null : own(node.system),
      needs: node.needs.map(own),
      ...(node.after === undefined ? {} : { after: node.after.map(own) }),
      with: node.gate === null ? { thing: own(node.id) } : {},
      limits,
    }))
    this.#world.declared.push({ id, plan: planOf(nodes) })
  }

  async open(): Promise<void> {
    await this.#world.listen()
    for (const victim of this.#victims) victim.start()
    const [one] = this.#victims
    if (one === undefined || !(await one.works(60_000))) throw new Error(`it did not start: ${one?.tail(5)}`)
  }

  async play(): Promise<void> {
    let quietSince: number | undefined
    while (Date.now() < this.#began + roundWithinMs) {
      if (this.#mishaps.told.length < mishapsAtMost) await sleep(20 + this.#random.below(400))
      else await sleep(200)
      if (await this.#ended()) return
      if (this.#mishaps.told.length < mishapsAtMost) {
        await this.#mishaps.strike()
        continue
      }
      this.#revive()
      // Whoever was frozen and whatever is on its way gets its time before people look at the world.
      if (this.#world.onTheWay > 0) quietSince = undefined
      quietSince ??= Date.now()
      if (Date.now() - quietSince > limits.attemptMs + 500) await this.#answerAll()
    }
    const states = await this.#states()
    this.#mishaps.violations.push(
      `after ${roundWithinMs / 1000} s the runs are ${states.join(' and ')}: neither ended nor waiting for people`,
    )
  }

  /** A service manager starts again what ended; only the second process may end by itself, without PostgreSQL. */
  #revive(): void {
    for (const victim of this.#victims) if (!victim.alive) victim.start()
  }

  async #states(): Promise<string[]> {
    try {
      const rows = await Promise.all(this.#runs.map((run) => this.#journal.run(run)))
      return rows.map((row) => row?.state ?? 'not there')
    } catch (error) {
      return [messageOf(error)]
    }
  }

  async #ended(): Promise<boolean> {
    const states = await this.#states()
    const ended: ReadonlySet<string> = terminalRunStates
    return this.#world.onTheWay === 0 && states.every((state) => ended.has(state))
  }

  async #answerAll(): Promise<void> {
    for (const run of this.#runs) {
      const answered = await answer(this.#journal, run, this.#effects).catch((error: unknown) => {
        if (messageOf(error).includes('names no choices')) this.#mishaps.violations.push(messageOf(error))
        return []
      })
      this.#answered.push(...answered)
      // What is there is adopted without people, but for a late effect of a target that cannot refuse it.
      for (const { node, reason, decision } of answered) {
        if (decision !== 'holds' || reason === 'unfenced') continue
        this.#mishaps.violations.push(`run ${run}: ${node} is there, and people were asked (${reason})`)
      }
    }
  }

  async report(): Promise<RoundReport> {
    const effects = this.#effects.read()
    const left = { journal: this.#journal, pool: this.#pool, world: this.#world, effects }
    await sleep(1_000) // the sequencer's promise
    for (const run of this.#runs) this.#mishaps.violations.push(...(await violationsOf(run, left)))
    this.#mishaps.violations.push(...(await sequenceViolations(this.#pool)))
    return {
      seed: this.#seed,
      nodes: this.#world.declared.reduce((sum, { plan }) => sum + plan.subject.nodes.length, 0),
      mishaps: this.#mishaps.told,
      effects: effects.length,
      answered: this.#answered,
      states: await this.#states(),
      ms: Date.now() - this.#began,
      violations: this.#mishaps.violations,
    }
  }

  /** Everything is stopped in order, the second process first: the first one has the PostgreSQL. */
  async close(): Promise<void> {
    await this.#pool.end()
    for (const victim of [...this.#victims].reverse()) {
      // The second process ends by itself when it starts without PostgreSQL, which only the first can bring back.
      const mayEnd = victim.name !== 'one'
      const surprises = victim.surprises.filter((what) => !mayEnd || !what.includes('could not start'))
      this.#mishaps.violations.push(...surprises)
      if (!victim.alive) continue
      victim.thaw()
      const how = await victim.stop(20_000)
      if (how !== 0) this.#mishaps.violations.push(`${victim.name} did not stop in order: ${String(how)}`)
    }
    const left = pidsIn(join(this.#dataDir, 'postgres'))
    if (left.length > 0) this.#mishaps.violations.push(`PostgreSQL was left running: ${left.join(', ')}`)
    await this.#world.close()
    this.#effects.close()
  }
}
