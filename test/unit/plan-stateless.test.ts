import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { loadEstate } from '#estate/load.ts'
import { planFailover } from '#plan/failover.ts'
import type { Plan } from '#plan/plan.ts'
import { readRunbook } from '#runbook/load.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { stepTypes } from '#steps/index.ts'
import { planLines } from '#terminal/plan.ts'

const pathOf = (name: string) => new URL(`../../${name}`, import.meta.url).pathname
const estate = await loadEstate([pathOf('estate/estate.yaml'), pathOf('estate/lab-pair.yaml')])
const shipped = async (name: string): Promise<[string, Runbook]> => {
  const { runbook } = readRunbook(await readFile(pathOf(`runbooks/${name}.yaml`), 'utf8'), name, {
    stepTypes,
    sites: ['daejeon', 'gwangju'],
  })
  if (runbook === undefined) throw new Error(`${name} has mistakes`)
  return [name, runbook]
}
const runbooks = new Map(await Promise.all(['failover-postgres-web', 'failover-stateless'].map(shipped)))
const planOf = (systems = estate.systems): Plan =>
  planFailover({
    estate: { ...estate, systems },
    ...{ runbooks, stepTypes, world: { active: () => ({ site: 'daejeon', epoch: 1 }) } },
    ...{ fromSite: 'daejeon', toSite: 'gwangju', systems: ['AID', 'NSS'], now: 0 },
  })
const plan = planOf()

test('a system that keeps no data is moved without promotion, after what it needs is open', () => {
  const own = plan.subject.nodes.filter(({ system }) => system === 'NSS')
  expect(own.map(({ type }) => type)).toEqual([
    'authority.attest',
    'authority.acquire',
    'k8s.scale',
    'k8s.wait',
    'http.get',
    'dns.switch',
  ])
  expect(own.find(({ type }) => type === 'http.get')?.needs).toEqual(['NSS/ready', 'AID/traffic'])
})

test('its plan promises nothing about a loss, and shows no RPO', () => {
  const assumed = plan.subject.assumptions.filter(({ subject }) => subject === 'NSS')
  expect(assumed.map(({ kind }) => kind)).toEqual(['active-site'])
  expect(plan.systems.find(({ system }) => system === 'NSS')).toMatchObject({ rpoTargetMs: null })
  const shown = planLines(plan, 'en')
  expect(shown.find((line) => line.includes('NSS') && line.includes('RTO'))).toMatch(/RTO 1h, no data/)
})

test('a system with a database whose runbook promotes none is pointed at', () => {
  const wrong = estate.systems.map((system) =>
    system.id === 'AID' ? { ...system, runbook: 'failover-stateless' } : system,
  )
  expect(planOf(wrong).notes.map(({ en }) => en)).toContainEqual(
    expect.stringMatching(/^AID has a database, and no step of failover-stateless promotes it/),
  )
  expect(plan.notes.map(({ en }) => en).join()).not.toContain('promotes it')
})
