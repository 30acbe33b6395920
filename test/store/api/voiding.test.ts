import { describe, expect, it } from 'vitest'
import { voidingChecks } from '#daemon/voiding.ts'
import type { Assumptions, BrokenAssumption } from '#engine/ports.ts'
import { CliFixture } from './cli-fixture.ts'

const cli = new CliFixture()
const how = ['--gate', 'attest', '--source', 'a call', '--source', 'the news', '--outside']

async function approvedRun(): Promise<string> {
  const run = await cli.declare('GPK,AID')
  for (const who of ['approver-1', 'commander-1']) await cli.approve(run, who)
  for (const who of ['approver-1', 'sre-1']) await cli.approve(run, who, ...how)
  return run
}

/** The daemon's checks over what breaks, as the test says. */
async function checked(
  run: string,
  broken: BrokenAssumption[],
  system: string,
  moment: 'point-of-no-return' | 'effect' = 'point-of-no-return',
) {
  const plan = await cli.api.journal.plan(run)
  const inner: Assumptions = { broken: async () => broken }
  const node = plan.subject.nodes.find((one) => one.system === system) ?? null
  return voidingChecks(inner, cli.api.approvals).broken({
    ...{ runId: run, plan, node, again: false },
    moment,
    signal: AbortSignal.timeout(10_000),
  })
}

async function assumption(run: string, kind: string, subject: string): Promise<BrokenAssumption> {
  const { subject: of } = await cli.api.journal.plan(run)
  const found = of.assumptions.find((one) => one.kind === kind && one.subject === subject)
  if (found === undefined) throw new Error(`the plan assumes no ${kind} of ${subject}`)
  return { assumption: found, why: 'it was seen otherwise' }
}

async function gates(run: string): Promise<Record<string, string>> {
  const { gates: all } = await cli.api.approvals.list(run)
  return Object.fromEntries(all.map(({ gate, state, given }) => [gate, `${state} ${given.length}`]))
}

describe('a broken assumption', () => {
  it('voids what people signed, shown and in the ledger with why; new signatures make it hold again', async () => {
    const run = await approvedRun()
    expect(await checked(run, [], 'GPK')).toEqual([])
    const silent = await assumption(run, 'source-silent', 'daejeon')
    expect(await checked(run, [silent], 'GPK')).toEqual([silent])
    expect(await gates(run)).toEqual({ approve: 'waiting 0', attest: 'waiting 0' })
    const shown = await cli.run(['run', 'show', run])
    expect(shown.out).toMatch(/not counted: approver-1: an assumption is broken .*it was seen otherwise/)
    const korean = await cli.run(['run', 'show', run, '--lang', 'ko'])
    expect(korean.out).toMatch(/세지 않음: approver-1: 전제가 깨졌습니다/)
    const { rows } = await cli.database.pool.query<{ entry: string }>(
      "SELECT entry FROM ledger_entry WHERE kind = 'approval.voided'",
    )
    expect(rows.map(({ entry }) => JSON.parse(entry) as unknown)).toMatchObject([
      { subject: `run/${run}`, data: { people: ['approver-1', 'commander-1', 'sre-1'] } },
    ])

    const [missing] = await checked(run, [], 'GPK')
    expect(missing?.why).toMatch(/signatures were voided.*approve 0\/2, attest 0\/2/)
    for (const who of ['approver-1', 'approver-2']) await cli.approve(run, who)
    for (const who of ['approver-1', 'sre-1']) await cli.approve(run, who, ...how)
    expect(await checked(run, [], 'GPK')).toEqual([])
  })

  it('is not proven again right before the effect: all that is asked is whether signatures were voided', async () => {
    const run = await approvedRun()
    const silent = await assumption(run, 'source-silent', 'daejeon')
    expect(await checked(run, [silent], 'GPK', 'effect')).toEqual([])
    await checked(run, [silent], 'AID')
    const [missing] = await checked(run, [], 'GPK', 'effect')
    expect(missing?.why).toMatch(/signatures were voided/)
  })

  it('of one system holds back that system alone, and leaves what was attested', async () => {
    const run = await approvedRun()
    await checked(run, [await assumption(run, 'loss-bound', 'GPK')], 'GPK')
    expect(await gates(run)).toEqual({ approve: 'waiting 0', attest: 'passed 2' })
    expect(await checked(run, [], 'GPK')).toMatchObject([{ assumption: { kind: 'loss-bound' } }])
    expect(await checked(run, [], 'AID')).toEqual([])
  })

  it('voids nothing where nobody had signed, and what nobody could look at voids nothing', async () => {
    const run = await cli.declare('GPK')
    await checked(run, [await assumption(run, 'source-silent', 'daejeon')], 'GPK')
    expect(await checked(run, [], 'GPK')).toEqual([])
    await cli.approve(run, 'approver-1')
    const plan = await cli.api.journal.plan(run)
    const blind: Assumptions = { broken: () => Promise.reject(new Error('no vantage point could look')) }
    const look = voidingChecks(blind, cli.api.approvals).broken({
      ...{ runId: run, plan, node: null, again: false, moment: 'start' },
      signal: AbortSignal.timeout(10_000),
    })
    await expect(look).rejects.toThrow('no vantage point')
    expect(await gates(run)).toMatchObject({ approve: 'waiting 1' })
  })
})
