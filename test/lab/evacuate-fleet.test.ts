import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadEstate } from '#estate/load.ts'
import type { Plan } from '#plan/plan.ts'
import { recordFile } from '../../lab/citizens/start.ts'
import { killDaemon, restartDaemon } from '../../lab/daemon.ts'
import { down } from '../../lab/down.ts'
import { decisionArgs, decisions, haetae, requester } from '../../lab/drill/commands.ts'
import { HaetaeView, type Run } from '../../lab/drill/haetae-view.ts'
import { RecordTail } from '../../lab/drill/record-tail.ts'
import { until } from '../../lab/drill/waiting.ts'
import { CHECKOUT } from '../../lab/instance.ts'
import { lose } from '../../lab/lose.ts'
import { askDatabase } from '../../lab/report/stored-ids.ts'
import { estateFiles } from '../../lab/systems/catalogue.ts'
import { daemonPaths } from '../../lab/systems/daemon-files.ts'
import { labSystems } from '../../lab/systems/lab-system.ts'
import { labContextFile } from '../../lab/systems/people.ts'
import { up } from '../../lab/up.ts'
import { testInstance } from '../support/test-lab.ts'

/*
 * A data center is lost, and its nine systems go as a fleet.
 *
 * 1. Twelve systems serve. Daejeon loses power; Gwangju suspects the loss.
 * 2. The plan of the fleet is looked at, then an evacuation is declared. Before anybody approves, somebody changes the entry of G4B at Gwangju, and the daemon is
 *    killed and started again: it plans by the changed entry from now on.
 * 3. Two approve and two attest, once over all. Eight systems recover, each in a run of its own, under that one word.
 *    G4B is held back: it asks a person, and says what changed.
 * 4. The person lets it go on. Its own run waits for signatures over the plan as it is now, and recovers it.
 */
describe('an evacuation of nine systems, of which one drifted', () => {
  const others = ['AID', 'GPK', 'EPP', 'RRS', 'ONN', 'PIS', 'G2B', 'GOV']
  const drifted = 'G4B'
  const instance = testInstance()
  const contextFile = labContextFile(instance)
  const view = new HaetaeView(contextFile)
  const patiently = { withinMs: 240_000, signal: new AbortController().signal }
  const command = (...args: string[]) => haetae(args, contextFile)
  const show = (run: string) => view.run('gwangju', run)
  const nodeOf = (run: Run, id: string) => run.graph.find((node) => node.id === id)
  let looked: Plan
  let fleet: string
  let held: Run
  let part: Run
  let ended: Run

  beforeAll(async () => {
    await down(instance)
    await up({ instance })
    await everythingServes()
    await lose(instance, 'daejeon')
    await until(
      async () => {
        const site = (await view.sites('gwangju')).find(({ id }) => id === 'daejeon')
        return site?.state === 'suspected-lost' ? { done: true } : { notYet: String(site?.state) }
      },
      { ...patiently, what: 'the loss is suspected' },
    )
    const where = ['--from', 'daejeon', '--site', 'gwangju', '--as', requester]
    looked = ((await command('evacuate', ...where, '--plan-only')) as { plan: Plan }).plan
    const asked = [...where, '--reason', 'the site is dark']
    fleet = ((await command('evacuate', ...asked, '--confirm', 'daejeon', '--quiet')) as { id: string }).id
    await changeTheEntry()
    await sign(fleet)
    held = await until(
      async () => {
        const run = await show(fleet)
        const open = [...others.filter((id) => nodeOf(run, id)?.state !== 'succeeded')]
        if (nodeOf(run, drifted)?.state !== 'needs-person') open.push(drifted)
        return open.length === 0
          ? { done: run }
          : { notYet: open.map((id) => `${id}: ${JSON.stringify(nodeOf(run, id)?.message)}`).join(', ') }
      },
      { ...patiently, what: 'eight systems have recovered and one is held back' },
    )
    const answer = ['--answer', 'replan', '--reason', 'the new name server time is right']
    await command(
      'run',
      'decide',
      fleet,
      '--node',
      drifted,
      ...answer,
      '--site',
      'gwangju',
      '--as',
      requester,
    )
    part = await until(
      async () => {
        const run = await show(`${fleet}.${drifted}`).catch(() => undefined)
        return run === undefined ? { notYet: 'no run yet' } : { done: run }
      },
      { ...patiently, what: 'the run of the system that was held back' },
    )
    await sign(part.id)
    ended = await until(
      async () => {
        const run = await show(fleet)
        return run.state === 'succeeded' ? { done: run } : { notYet: run.state }
      },
      { ...patiently, what: 'the fleet has ended' },
    )
  })
  afterAll(async () => void (await down(instance)))

  async function everythingServes(): Promise<void> {
    const record = new RecordTail(recordFile(instance))
    const systems = labSystems(await loadEstate(estateFiles(CHECKOUT)))
    await until(
      async () => {
        const meetings = await record.read()
        const seen = await view.systems('gwangju')
        const not = systems.filter(({ id }) => {
          const meeting = meetings.get(id)
          const health = seen.find((one) => one.id === id)?.health
          return meeting === undefined || meeting.away || meeting.acknowledged < 3 || health !== 'up'
        })
        return not.length === 0 ? { done: true } : { notYet: not.map(({ id }) => id).join(', ') }
      },
      { ...patiently, what: 'all systems serve' },
    )
  }

  async function changeTheEntry(): Promise<void> {
    const file = join(daemonPaths(instance, 'gwangju').catalogue, 'lab.yaml')
    const [before = '', entry = ''] = (await readFile(file, 'utf8')).split(`- id: ${drifted}\n`)
    const changed = entry.replace('ttlSeconds: 2', 'ttlSeconds: 3')
    expect(changed).not.toBe(entry)
    await writeFile(file, `${before}- id: ${drifted}\n${changed}`)
    await killDaemon(instance, 'gwangju', 'SIGKILL')
    await restartDaemon(instance, 'gwangju')
    await until(
      async () =>
        show(fleet).then(
          () => ({ done: true }),
          () => ({ notYet: 'no answer' }),
        ),
      { ...patiently, what: 'the daemon answers again' },
    )
  }

  async function sign(run: string): Promise<void> {
    for (const decision of decisions)
      await command(...decisionArgs(run, 'gwangju', decision), '--confirm', run, '--quiet')
  }

  test('is planned with how long it takes, what is lost and what changes in all systems', () => {
    const { forecast, fleet: counted } = looked.observed
    const all = [...others, drifted].toSorted()
    expect(Object.keys(forecast?.duration?.systems ?? {}).toSorted()).toEqual(all)
    expect(Object.keys(forecast?.loss ?? {}).toSorted()).toEqual(all)
    for (const { seconds } of Object.values(forecast?.loss ?? {})) expect(seconds).not.toBeNull()
    // Nine systems are few enough: at each one every step was looked at, and none was left.
    expect(counted).toMatchObject({ systems: { all: 9, looked: 9 }, left: [] })
    expect(Object.keys(counted?.bySystem ?? {}).toSorted()).toEqual(all)
    const start = counted?.kinds.find(({ type }) => type === 'k8s.scale')
    expect(start).toMatchObject({ site: 'gwangju', exact: 9, opaque: 0, refused: 0, notLooked: 0 })
  })

  test('is one plan that people sign once, and a run for each system', async () => {
    expect(held.gates.map(({ gate, state, given }) => [gate, state, given.length])).toEqual([
      ['approve', 'passed', 2],
      ['attest', 'passed', 2],
    ])
    expect(held.children.map(({ id }) => id).sort()).toEqual(others.map((id) => `${fleet}.${id}`).sort())
    for (const { state } of held.children) expect(state).toBe('succeeded')
    const gov = await show(`${fleet}.GOV`)
    expect(gov).toMatchObject({ parent: fleet, gates: [], systems: ['GOV'] })
    expect(nodeOf(gov, 'AID/traffic')).toMatchObject({ type: 'sibling', state: 'succeeded' })
  })

  test('holds back the system that is not as it was approved, and says what changed', () => {
    const node = nodeOf(held, drifted)
    expect(node?.question).toMatchObject({ reason: 'drift', choices: ['retry', 'replan', 'fail'] })
    const { approved, now, changed } = (node?.question?.facts ?? {}) as {
      approved: string
      now: string
      changed: { part: string }[]
    }
    expect(approved).not.toBe(now)
    expect(changed.map((one) => one.part)).toEqual(['catalogue', 'actions'])
  })

  test('lets it go on by the plan as it is now, once people have signed that', () => {
    expect(part.gates.map(({ gate, state }) => [gate, state])).toEqual([
      ['approve', 'waiting'],
      ['attest', 'waiting'],
    ])
    expect(part.planDigest).not.toBe(nodeOf(held, drifted)?.question?.facts['approved'])
    expect(ended.children).toHaveLength(9)
  })

  test('recovers all nine: each promoted once by its own run, with a fence debt of its own', async () => {
    const systems = labSystems(await loadEstate(estateFiles(CHECKOUT)))
    const query = `SELECT NOT pg_is_in_recovery(), left(pg_walfile_name(pg_current_wal_lsn()), 8),
      (SELECT string_agg(epoch || ' ' || site || ' ' || run_id, ',') FROM haetae_authority)`
    for (const id of [...others, drifted]) {
      const system = systems.find((one) => one.id === id)
      if (system === undefined) throw new Error(`the lab does not run ${id}`)
      const [row] = await askDatabase(instance, system, 'gwangju', query)
      expect(row, id).toBe(`t|00000002|2 gwangju ${fleet}.${id}`)
    }
    expect(ended.fenceDebts.map(({ system }) => system).sort()).toEqual([...others, drifted].sort())
  })

  test('is listed as one run, and with its parts when they are asked for', async () => {
    const list = async (...args: string[]) =>
      ((await command('run', 'list', '--site', 'gwangju', ...args)) as { items: { id: string }[] }).items
    expect((await list()).map(({ id }) => id)).toEqual([fleet])
    expect(await list('--of', fleet)).toHaveLength(9)
    expect(await list('--parts')).toHaveLength(10)
  })
})
