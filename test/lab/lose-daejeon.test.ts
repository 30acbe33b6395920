import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Plan } from '#plan/plan.ts'
import { planLines } from '#terminal/plan.ts'
import { displayWidth } from '#terminal/width.ts'
import { momentNames, type SystemReport } from '../../lab/report/report.ts'
import { askDatabase } from '../../lab/report/stored-ids.ts'
import { runInSite } from '../../lab/site/control.ts'
import { playDrill, type PlayedDrill } from '../support/drill.ts'

/*
 * A data center is lost and its systems are recovered at the other one.
 *
 * 1. Twelve systems serve, citizens write, replication streams, every database has a verified base backup.
 * 2. Daejeon loses power.
 * 3. Gwangju suspects the loss: nine systems are unknown, the two that need them are down, customs goes on.
 * 4. An operator declares, two people approve, two attest.
 * 5. The run fences, acquires, promotes, starts, checks and switches, wave by wave.
 * 6. Citizens are served again by every system, by the names that they always used.
 * 7. The report joins both sides' facts: nothing acknowledged is lost.
 */
describe('a lost data center', () => {
  const moved = ['GPK', 'AID', 'RRS', 'PIS', 'GOV', 'ONN', 'EPP', 'G2B', 'G4B']
  let played: PlayedDrill
  let plan: Plan

  beforeAll(async () => {
    played = await playDrill({
      moments: {
        beforeDecisions: async ({ haetae, from, to }) => {
          plan = (await haetae.client(to).call('planFailover', { body: { fromSite: from } })).plan
        },
      },
    })
  })
  afterAll(() => played?.end())

  const lines = (part: SystemReport['part']) => played.report.systems.filter((system) => system.part === part)

  test('takes down its nine systems and the two that need them, and customs goes on', () => {
    const ids = (part: SystemReport['part']) => lines(part).map(({ id }) => id)
    expect(ids('moved').sort()).toEqual([...moved].sort())
    expect(ids('affected').sort()).toEqual(['HTX', 'PAT'])
    expect(ids('untouched')).toEqual(['UNI'])
    for (const { id, citizens } of [...lines('moved'), ...lines('affected')]) {
      expect(citizens.away, id).not.toEqual([])
    }
  })

  test('is planned beside the silent site: every change is seen, and the loss of every system is told', () => {
    const { changes, forecast } = plan.observed
    for (const id of moved) {
      expect(changes[`${id}/promote`], id).toMatchObject([
        {
          certainty: 'predicted',
          site: 'gwangju',
          before: { role: 'standby' },
          after: { role: 'primary', epoch: 2 },
        },
      ])
      expect(changes[`${id}/start`], id).toMatchObject([{ certainty: 'exact', before: { replicas: 0 } }])
      expect(changes[`${id}/traffic`], id).toMatchObject([
        { certainty: 'predicted', after: { texts: ['epoch=2'] } },
      ])
      expect(forecast?.loss[id]?.seconds, id).not.toBeNull()
    }
    const opaque = Object.entries(changes).filter(([, list]) =>
      list.some(({ certainty }) => certainty === 'opaque'),
    )
    expect(opaque).toEqual([])
    // No run was measured yet: what is said comes from the limits of the runbook.
    expect(forecast?.duration?.fromLimits).toContain('pg.promote')
    for (const line of planLines(plan, 'ko')) expect(displayWidth(line)).toBeLessThanOrEqual(100)
  })

  test('ran as it was planned, and is measured for the plans after it', async () => {
    const client = played.scene.haetae.client('gwangju')
    const { plan: ran } = await client.call('runPlan', { params: { run: played.report.run.id } })
    expect(ran.digest).toBe(plan.digest)
    expect(Object.keys(ran.observed.changes).sort()).toEqual(Object.keys(plan.observed.changes).sort())
    await expect(client.call('runDrift', { params: { run: played.report.run.id } })).rejects.toMatchObject({
      code: 'run-ended',
    })
  })

  test('has every system serve citizens again within its target, without a lost transaction', () => {
    expect(played.report.run.state).toBe('succeeded')
    expect(played.report.totals.allServingMs).not.toBeNull()
    expect(played.report.totals.acknowledged).toBeGreaterThan(100)
    for (const system of played.report.systems) {
      expect(system.citizens.lookedUp, system.id).toBe(true)
      expect(system.citizens.awayMs, system.id).not.toBeNull()
    }
    for (const system of lines('moved')) {
      expect(system.rtoMet, system.id).toBe(true)
      expect(system.rpoMet, system.id).toBe(true)
    }
    // Synchronous ones by design; the others because nothing was in flight that the link had not carried.
    for (const { id, grade, citizens } of lines('moved'))
      if (grade === 'T0') expect(citizens.lost, id).toEqual([])
  })

  test('is recovered wave by wave: nobody opens before what it cannot serve without', () => {
    const open = new Map(lines('moved').map(({ id, times }) => [id, times?.open ?? '']))
    for (const id of moved) {
      for (const { id: need } of played.system(id).needs) {
        const [own, prerequisite] = [open.get(id) ?? '', open.get(need) ?? '']
        expect(own > prerequisite, `${id} after ${need}`).toBe(true)
      }
    }
  })

  test('leaves the eight times of every system in their order', () => {
    for (const { id, times } of lines('moved')) {
      const at = momentNames.map((name) => times?.[name] ?? null)
      expect(at, id).not.toContain(null)
      const ms = at.map((text) => Date.parse(text ?? ''))
      expect(ms, id).toEqual(ms.toSorted((a, b) => a - b))
    }
  })

  test('promotes each standby once, and writes the epoch there once', async () => {
    const query = `SELECT NOT pg_is_in_recovery(), left(pg_walfile_name(pg_current_wal_lsn()), 8),
      (SELECT string_agg(epoch || ' ' || site || ' ' || run_id, ',') FROM haetae_authority),
      (SELECT count(*) FROM transactions WHERE id LIKE 'haetae-%')`
    for (const id of moved) {
      const [row] = await askDatabase(played.scene.instance, played.system(id), 'gwangju', query)
      expect(row, id).toBe(`t|00000002|2 gwangju ${played.report.run.id}|1`)
    }
  })

  test('sends citizens to the other site by the same names', async () => {
    const names = moved.map((id) => played.system(id).dns)
    const script = `const { Resolver } = require('node:dns').promises; const resolver = new Resolver()
      resolver.setServers(['10.72.255.53'])
      Promise.all(process.argv.slice(1).map(async (name) =>
        [...await resolver.resolve4(name), ...(await resolver.resolveTxt(name)).flat()].join(' ')))
        .then((found) => console.log(JSON.stringify(found)))`
    const answer = await runInSite(played.scene.instance, 'gwangju', [
      process.execPath,
      '-e',
      script,
      ...names,
    ])
    const expected = moved.map((id) => `${played.system(id).webAddresses['gwangju']} epoch=2`)
    expect(JSON.parse(answer)).toEqual(expected)
  })

  test('stays open as a fence debt of every moved system, by two people who did not request it', () => {
    const { fenceDebts, run } = played.report
    expect(fenceDebts.map(({ system }) => system).sort()).toEqual([...moved].sort())
    for (const { by } of fenceDebts) {
      expect(new Set(by).size).toBeGreaterThanOrEqual(2)
      expect(by).not.toContain(run.requester)
    }
  })

  test('is told in a report that says what was not exercised, in both languages', () => {
    expect(played.report.backups.systems).toBe(12)
    expect(played.report.notExercised.length).toBeGreaterThan(3)
    expect(played.page).toContain('이번 훈련에서 다루지 않은 것')
    expect(played.page).toContain('What was not exercised')
    expect(played.told).toContain('own keys sign in place of people')
  })
})
