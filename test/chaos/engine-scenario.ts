import { join } from 'node:path'
import { planOf, randomPlan } from '../sim/world/plans.ts'
import { Random } from '../sim/world/random.ts'
import { worksMessage, type ProcessOptions } from './engine-process.ts'
import { Victim } from './processes.ts'
import type { Scenario } from './scenario.ts'
import { storageOf } from './storage.ts'
import { EffectLedger } from './world/effects.ts'
import { WorldServer } from './world/server.ts'
import { outsideTypes } from './world/types.ts'

const ttlMs = 2_000
/** Real seconds are dear: an answer that is lost is given up sooner than in the simulation. */
const limits = { attemptMs: 2_000, totalMs: 120_000, retryMax: 6, retryBaseMs: 50 }
const program = join(import.meta.dirname, 'engine-process.ts')

/**
 * Daemons' inner halves with short terms, whose steps are of every kind of effect: two runs of random graphs on one real
 * PostgreSQL, executed by one or two processes.
 */
export function engineScenario(seed: number, random: Random, folder: string, logs: string): Scenario {
  const dataDir = join(folder, 'one')
  const postgres = join(dataDir, 'postgres')
  const effects = new EffectLedger(join(logs, 'effects.jsonl'))
  const world = new WorldServer(join(logs, 'world.sock'), effects, new Random(seed + 1))
  const runs = [`C-${seed}-a`, `C-${seed}-b`]
  for (const [index, id] of runs.entries()) world.declared.push({ id, plan: declaredPlan(random, index) })
  const victim = (own: Pick<ProcessOptions, 'daemon' | 'dataDir' | 'postgresUrl'>): Victim => {
    const options: ProcessOptions = { world: world.socket, ttlMs, ...own }
    return new Victim({ name: own.daemon, argv: [program, JSON.stringify(options)], worksMessage }, logs)
  }
  const victims = [victim({ daemon: 'one', dataDir })]
  if (random.chance(0.5)) {
    const postgresUrl = `postgresql://haetae@/haetae?host=${encodeURIComponent(postgres)}`
    victims.push(victim({ daemon: 'two', dataDir: join(folder, 'two'), postgresUrl }))
  }
  return {
    ...{ victims, runs, world, effects, dataDir, ttlMs, stepTypes: outsideTypes },
    ...storageOf(postgres),
    ...{ attemptMs: limits.attemptMs, mishapsAtMost: 9, withinMs: 120_000, mayAsk: ['unfenced'] },
    async begin() {
      await world.listen()
      for (const one of victims) one.start()
      const [one] = victims
      if (one === undefined || !(await one.works(60_000)))
        throw new Error(`it did not start: ${one?.tail(5)}`)
    },
  }
}

/** Two runs hold no system in common. */
function declaredPlan(random: Random, index: number): ReturnType<typeof planOf> {
  const own = (name: string): string => name.replace(/^S/, `R${index}S`)
  const nodes = randomPlan(random).subject.nodes.map((node) => ({
    ...node,
    id: own(node.id),
    system: node.system === null ? null : own(node.system),
    needs: node.needs.map(own),
    ...(node.after === undefined ? {} : { after: node.after.map(own) }),
    with: node.gate === null ? { thing: own(node.id) } : {},
    limits,
  }))
  return planOf(nodes)
}
