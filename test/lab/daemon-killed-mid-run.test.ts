import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seeTheLoss } from '../../lab/drill/detection.ts'
import type { Scene } from '../../lab/drill/scene.ts'
import { askDatabase } from '../../lab/report/stored-ids.ts'
import { siteKubectl } from '../../lab/site/control.ts'
import { Random } from '../sim/world/random.ts'
import { playDrill, type PlayedDrill } from '../support/drill.ts'
import { Killer, supervisedPids, type Kill, type Supervised } from './killing.ts'
import { Callers, type Refusal } from './refusals.ts'

/*
 * The executing daemon dies in the middle of a failover, again and again. Before that, people try what they may not.
 *
 * 1. Daejeon is lost. At Gwangju people try what is refused: each is told what, where, why, and what to do.
 * 2. The failover is declared, approved and attested.
 * 3. While the run works, Gwangju's daemon is killed with -9 at random moments, a promotion's among them, also while it
 *    starts, and started again each time.
 * 4. It adopts its orphaned PostgreSQL and Redis, and goes on from the journal.
 * 5. The end is the same as without: every system serves, each standby was promoted once, each check stored once.
 *
 * HAETAE_LAB_SEED repeats the moments of the kills.
 */
const seed = Number(process.env['HAETAE_LAB_SEED'] ?? randomInt(1, 2 ** 31))
let played: PlayedDrill
let pids: { before: Supervised; after: Supervised }
let kills: Kill[] = []
const refused: Record<string, Refusal> = {}
let second: Awaited<ReturnType<Callers['secondDaemon']>>
let held: string

beforeAll(async () => {
  process.stderr.write(`the moments of the kills: HAETAE_LAB_SEED=${seed}\n`)
  played = await playDrill({ moments: { beforeDecisions: tryWhatIsRefused, duringRun: killAgainAndAgain } })
})
afterAll(() => played?.end())

async function tryWhatIsRefused(scene: Scene): Promise<void> {
  const people = new Callers(scene)
  await people.enter()
  const { from, to } = scene
  const failover = ['failover', '--from', from, '--site', to, '--reason', 'x', '--confirm', from, '--quiet']
  second = await people.secondDaemon()
  refused['a system that is there'] = await people.tries([...failover, '--systems', 'HTX'], 'operator-1')

  const run = (held = await people.declare('AID', 'operator-1'))
  const approve = people.approveArgs(run)
  const plan = await people.planFile(run)
  refused['a second failover'] = await people.tries([...failover, '--systems', 'AID'], 'operator-2')
  refused['an own request'] = await people.tries(approve, 'operator-1')
  await people.does(approve, 'approver-1')
  refused['the same again'] = await people.tries(approve, 'approver-1')
  refused['an unknown key'] = await people.tries(['system', 'list', '--site', to], 'approver-2', true)
  refused['a signature by an unknown key'] = await people.courier(run, plan, 'approver-2', true)
  refused['a key that has ended'] = await people.tries(['system', 'list', '--site', to], 'retired-1', true)
  refused['a signature by a key that has ended'] = await people.courier(run, plan, 'retired-1', true)
  await people.cancel(run)
  refused['a run that has ended'] = await people.courier(run, plan, 'approver-2')

  const other = await people.declare('AID,EPP', 'operator-1')
  const earlier = await people.planFile(run, (told) => ({ ...told, run: other }))
  refused['a plan that has changed'] = await people.courier(other, earlier, 'approver-1')
  await people.cancel(other)
  await seeTheLoss(scene) // by the daemon that was started again
}

async function killAgainAndAgain(scene: Scene, run: string): Promise<void> {
  const killer = new Killer(scene, run, new Random(seed))
  const before = await supervisedPids(scene)
  await killer.killAgainAndAgain(5)
  kills = killer.kills
  pids = { before, after: await supervisedPids(scene) }
}

describe('what people may not do', () => {
  test.each([
    ['a system that is there', 'already-active', 5],
    ['a second failover', 'system-locked', 5],
    ['an own request', 'own-request', 3],
    ['the same again', 'approved-already', 5],
    ['an unknown key', 'key-unknown', 3],
    ['a signature by an unknown key', 'key-unknown', 3],
    ['a key that has ended', 'key-expired', 3],
    ['a signature by a key that has ended', 'key-expired', 3],
    ['a run that has ended', 'run-ended', 5],
    ['a plan that has changed', 'plan-changed', 5],
  ] as const)('%s is refused with %s, and told what, where, why and what to do', (name, code, exit) => {
    const refusal = refused[name]
    expect({ code: refusal?.problem.code, exit: refusal?.exit }).toEqual({ code, exit })
    for (const field of ['what', 'where', 'why', 'remedy', 'title', 'title_ko'] as const) {
      expect(refusal?.problem[field], field).toEqual(expect.stringMatching(/\S/))
    }
  })

  test('a second failover is told which run holds the system', () => {
    expect(refused['a second failover']?.problem.why).toContain(`AID is held by run ${held}`)
  })

  test('a second daemon on one data folder is told which process holds it', () => {
    expect(second.exit).toBe(5)
    expect(second.said).toContain('already-held')
    expect(second.said).toContain(`process ${second.holder} holds it`)
  })
})

describe('a daemon that is killed again and again while it executes a failover', () => {
  test('is killed in the middle of the run', () => {
    process.stderr.write(`kills: ${JSON.stringify(kills)}\n`)
    expect(kills.filter(({ ended }) => !ended).length).toBeGreaterThanOrEqual(3)
  })

  test('finishes the failover, and citizens are served by every system', async () => {
    expect(played.report.run.state).toBe('succeeded')
    for (const { id, citizens } of played.report.systems) expect(citizens.awayMs, id).not.toBeNull()
    const run = await played.scene.haetae.run('gwangju', played.report.run.id)
    const notDone = run.graph.filter(({ state }) => state !== 'succeeded' && state !== 'adopted')
    expect(notDone.map(({ id, state }) => `${id} ${state}`)).toEqual([])
  })

  test('promotes no standby twice and stores no check twice', async () => {
    const query = `SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8),
      (SELECT string_agg(epoch || ' ' || run_id, ',') FROM haetae_authority),
      (SELECT count(*) FROM transactions WHERE id LIKE 'haetae-%')`
    const moved = played.report.systems.filter(({ part }) => part === 'moved')
    expect(moved).toHaveLength(9)
    const kubectl = await siteKubectl(played.scene.instance, 'gwangju')
    for (const { id } of moved) {
      const system = played.system(id)
      const rows = await askDatabase(played.scene.instance, system, 'gwangju', query)
      expect(rows, id).toEqual([`00000002|2 ${played.report.run.id}|1`])
      const log = await kubectl(['logs', '-n', system.namespace, 'deployment/db'])
      expect(log.match(/selected new timeline ID: \d+/g), id).toEqual(['selected new timeline ID: 2'])
    }
  })

  test('adopts its orphaned PostgreSQL and Redis and starts no second ones', () => {
    expect(pids.after).toEqual(pids.before)
  })

  test('leaves a journal without a gap, in which every start took a newer term', async () => {
    const client = played.scene.haetae.client('gwangju')
    const params = { run: played.report.run.id }
    const records = []
    for (let after = 0; ;) {
      const page = await client.call('runJournal', { params, query: { after, limit: 1000 } })
      records.push(...page.items)
      after = page.items.at(-1)?.seq ?? after
      if (page.next === null || page.items.length === 0) break
    }
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1))
    const terms = records.flatMap(({ kind, data }) => (kind === 'term-taken' ? [Number(data['term'])] : []))
    expect(terms).toEqual(terms.map((_, index) => index + 1))
    expect(terms.length).toBeGreaterThan(
      kills.filter(({ aim, ended }) => !ended && aim !== 'while it starts').length,
    )
  })
})
