import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../sim/world/random.ts'
import { pidsIn } from '../support/daemon.ts'
import { violationsOf } from './check.ts'
import { daemonScenario } from './daemon-scenario.ts'
import { answer } from './persons.ts'
import type { Scenario } from './scenario.ts'
import type { Victim } from './processes.ts'

/*
 * Two daemons on one PostgreSQL, and a run whose holder stands still for longer than its term.
 *
 * 1. Both are started; two operations are requested. Their steps call a web service that keeps its own record.
 * 2. When the first call has arrived, whoever holds that run is stopped (SIGSTOP), with the call on its way.
 * 3. The other one takes the run when the term is over, and brings it to its end.
 * 4. The first one goes on (SIGCONT). It finds its term over: it writes nothing and calls nothing any more.
 */
describe('two daemons on one PostgreSQL', () => {
  const folder = mkdtempSync('/var/tmp/haetae-chaos-')
  let scenario: Scenario
  let run = ''
  let holder: Victim

  beforeAll(async () => {
    chmodSync(folder, 0o711) // the user of PostgreSQL walks through
    const logs = join(folder, 'round')
    mkdirSync(logs)
    scenario = daemonScenario(1, new Random(1), folder, logs, ['UNI'])
    const { world, victims } = scenario
    const arrived = new Promise<void>((done) => {
      world.trap = (moment) => {
        if (moment !== 'arrived') return
        world.trap = undefined
        for (const victim of victims) victim.freeze()
        done()
      }
    })
    const begun = scenario.begin()
    await arrived
    run = world.runOf.get('UNI') ?? ''
    holder = await eventually(() => victims.find((victim) => victim.logged('executing the run', run)))
    for (const victim of victims) if (victim !== holder) victim.thaw()
    await eventually(() => ended())
    holder.thaw()
    await begun
    await eventually(() => holder.logged('stopped executing the run', run))
  })
  afterAll(async () => {
    await scenario.pool.end()
    for (const victim of [...scenario.victims].reverse()) {
      victim.thaw()
      await victim.stop(20_000)
    }
    await scenario.world.close()
    scenario.effects.close()
    for (const pid of pidsIn(join(scenario.dataDir, 'postgres'))) process.kill(pid, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  /** People answer what nobody but them can see, as long as it has not ended. */
  async function ended(): Promise<boolean> {
    if (scenario.world.onTheWay === 0) await answer(scenario.journal, run, scenario.effects)
    return (await scenario.journal.run(run))?.endedAt != null
  }

  test('never both hold the run: the second one takes it under a newer term', async () => {
    const records = await scenario.journal.read(run, 0, 1_000)
    const terms = records.flatMap(({ event }) => (event.kind === 'term-taken' ? [event.term] : []))
    expect(terms).toEqual([1, 2])
    const [other] = scenario.victims.filter((victim) => victim !== holder)
    expect(other?.logged('executing the run', run)).toBe(true)
  })

  test('the run is brought to its end, each call made once', async () => {
    expect((await scenario.journal.run(run))?.state).toBe('succeeded')
    const effects = scenario.effects.read()
    expect(effects.length).toBeGreaterThan(0)
    expect(await violationsOf(run, { ...scenario, effects })).toEqual([])
  })

  test('the first one, awake again, has written nothing under its old term and called nothing', async () => {
    const records = await scenario.journal.read(run, 0, 1_000)
    const taken = records.findIndex(({ event }) => event.kind === 'term-taken' && event.term === 2)
    expect(records.slice(taken).filter(({ term }) => term === 1)).toEqual([])
    const end = Date.parse(records.at(-1)?.at ?? '')
    expect(scenario.effects.read().filter(({ at }) => at > end)).toEqual([])
  })
})

/** Looks until there is something. Throws after two minutes. */
async function eventually<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; await sleep(100)) {
    const found = await look()
    if (found !== undefined && found !== false) return found
  }
  throw new Error('it did not come to pass within two minutes')
}
