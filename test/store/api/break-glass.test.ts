import { describe, expect, it } from 'vitest'
import { CliFixture } from './cli-fixture.ts'

const cli = new CliFixture()

function breakGlass(run: string, as = 'commander-1', over: { [flag: string]: string } = {}) {
  const said = { reason: 'nobody answers', confirm: run, as, ...over }
  const flags = Object.entries(said).flatMap(([flag, value]) => [`--${flag}`, value])
  return cli.run(['approve', run, '--break-glass', '--quiet', ...flags])
}

function review(run: string, as: string, ...more: string[]) {
  return cli.run(['review', run, '--reason', 'the log was read', '--confirm', run, '--as', as, ...more])
}

async function findings(): Promise<{ rule: string; state: string; subject: string }[]> {
  const { rows } = await cli.database.pool.query<{ rule: string; state: string; subject: string }>(
    'SELECT rule, state, subject FROM finding ORDER BY id',
  )
  return rows
}

async function ledgerKinds(): Promise<string[]> {
  const { rows } = await cli.database.pool.query<{ kind: string }>(
    "SELECT kind FROM ledger_entry WHERE kind LIKE 'approval.%' OR kind LIKE 'finding.%' ORDER BY id",
  )
  return rows.map(({ kind }) => kind)
}

/** What the engine is told of a gate. */
async function engineHears(run: string) {
  const { requester, planDigest } = (await cli.api.journal.run(run)) ?? { requester: '', planDigest: '' }
  const gate = { purpose: 'failover' as const, quorum: 2 }
  return cli.api.approvals.at({ runId: run, planDigest, requester, node: 'approve', gate })
}

describe('a broken glass', () => {
  it('opens the gate at once with one commander, loudly, and stays an open finding', async () => {
    const run = await cli.declare('GPK')
    const { code, out } = await breakGlass(run)
    expect(code).toBe(0)
    expect(out).toMatch(/approve passed 0\/2[\s\S]*GLASS BROKEN by commander-1: nobody answers/)
    expect(await engineHears(run)).toEqual({ granted: [], rejected: [], glassBrokenBy: ['commander-1'] })
    expect(await findings()).toEqual([{ rule: 'break-glass', state: 'open', subject: run }])
    expect(await ledgerKinds()).toEqual(['approval.declared', 'approval.glass-broken', 'finding.opened'])
    for (const command of [
      ['run', 'show', run],
      ['system', 'list'],
    ]) {
      const seen = await cli.run(command)
      expect(seen.out).toMatch(/Open findings\s+break-glass, .* commander-1 broke the glass of run/)
    }
  })

  it('counts the approvals that there are, and never opens the gate of attestations', async () => {
    const run = await cli.declare('GPK')
    await cli.approve(run, 'approver-1')
    expect((await breakGlass(run)).out).toContain('approve passed 1/2 (signed: approver-1)')
    const fence = await breakGlass(run, 'commander-1', { gate: 'attest' })
    expect(fence).toMatchObject({ code: 2, err: expect.stringContaining('never the fence') })
  })

  it('is closed by the review of two people, neither of them who broke it or requested the run', async () => {
    const run = await cli.declare('GPK')
    await breakGlass(run)
    expect(await review(run, 'commander-1')).toMatchObject({
      code: 3,
      err: expect.stringContaining('commander-1 broke the glass'),
    })
    expect((await review(run, 'operator-1')).code).toBe(3)
    expect((await review(run, 'approver-1')).out).toContain('review waiting 1/2')
    expect(await findings()).toMatchObject([{ state: 'open' }])
    expect((await review(run, 'approver-1')).code).toBe(5)
    expect((await review(run, 'commander-2')).out).toContain('review passed 2/2')
    expect(await findings()).toMatchObject([{ state: 'closed' }])
    expect(await ledgerKinds()).toContain('finding.closed')
    expect((await cli.run(['run', 'show', run])).out).not.toContain('Open findings')
  })

  it('stays open when a reviewer says no, and when it was broken again after the review', async () => {
    const run = await cli.declare('GPK')
    await breakGlass(run)
    await review(run, 'approver-1')
    expect((await review(run, 'approver-2', '--decision', 'no')).out).toContain('review refused')
    expect(await findings()).toMatchObject([{ state: 'open' }])
    await cli.api.approvals.void(run, {
      kind: 'assumption-broken',
      system: null,
      why: { ko: '센터가 응답합니다', en: 'the site answers' },
      facts: {},
    })
    expect((await breakGlass(run, 'commander-2')).code).toBe(0)
    const again = await review(run, 'approver-2')
    expect(again.out).toMatch(/review waiting 1\/2[\s\S]*approver-1: the glass was broken again since/)
    expect((await review(run, 'commander-1')).code).toBe(3)
  })

  it.each<[string, string, { [flag: string]: string }, number, RegExp]>([
    ['by somebody who may not', 'approver-1', {}, 3, /commander/],
    ['by the requester', 'commander-2', {}, 3, /requester never counts/],
    ['without the name of the run', 'commander-1', { confirm: 'another' }, 2, /typed was "another"/],
    ['with an empty reason', 'commander-1', { reason: ' ' }, 2, /says nothing/],
  ])('%s is refused, and there is no finding', async (_name, as, over, code, why) => {
    const run = await cli.declare('GPK', 'commander-2')
    expect(await breakGlass(run, as, over)).toMatchObject({ code, err: expect.stringMatching(why) })
    expect(await findings()).toEqual([])
    expect(await engineHears(run)).toEqual({ granted: [], rejected: [] })
  })

  it('is refused where a person said no, and where the gate is open', async () => {
    const run = await cli.declare('GPK')
    await cli.approve(run, 'approver-1', '--decision', 'no')
    expect(await breakGlass(run)).toMatchObject({
      code: 5,
      err: expect.stringContaining('approver-1 said no'),
    })
    await cli.approve(run, 'approver-1')
    await cli.approve(run, 'approver-2')
    expect(await breakGlass(run)).toMatchObject({ code: 5, err: expect.stringContaining('open already') })
    expect(await review(run, 'approver-1')).toMatchObject({
      code: 5,
      err: expect.stringContaining('nobody broke the glass'),
    })
  })
})
