import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import type { GateView } from '#api/schema/approval.ts'
import type { Draft } from '#api/schema/request.ts'
import { Approvals } from '#approval/approvals.ts'
import { defaultPolicy } from '#approval/policy.ts'
import { scopeOf } from '#approval/statement.ts'
import { lockStatements } from '#approval/store.ts'
import type { Subject } from '#approval/subject.ts'
import type { Voiding } from '#approval/voiding.ts'
import { transaction } from '#platform/postgres/transaction.ts'
import { testApi, type TestApi } from '../../support/api.ts'
import { cast, people, type People } from '../../support/people.ts'
import { databasePerTest } from '../../support/postgres.ts'
import { Caller, type LedgerLine } from './caller.ts'

const database = databasePerTest()
let all: People
let api: TestApi
let app: FastifyInstance
let caller: Caller
let draft: Draft
let later: number

beforeAll(async () => {
  all = await people(cast)
})
afterAll(() => all[Symbol.asyncDispose]())
beforeEach(async () => {
  later = 0
  api = await testApi(database().pool, all, () => later)
  app = api.build()
  caller = new Caller(app, all)
  draft = await caller.draft('GPK', 'AID')
})
afterEach(() => app.close())

async function ledger(kind: string): Promise<LedgerLine[]> {
  const { rows } = await database().pool.query<{ entry: string }>(
    'SELECT entry FROM ledger_entry WHERE kind = $1 ORDER BY id',
    [kind],
  )
  return rows.map((row) => JSON.parse(row.entry) as LedgerLine)
}

async function gate(name: string): Promise<GateView | undefined> {
  const { gates } = (await caller.get('auditor-1', `/runs/${draft.run}/approvals`)).json<{
    gates: GateView[]
  }>()
  return gates.find((one) => one.gate === name)
}

describe('a declaration', () => {
  it('creates the run, which waits at its gates', async () => {
    const answer = await caller.declare(draft)
    expect(answer.json()).toMatchObject({
      id: draft.run,
      requester: 'operator-1',
      systems: ['AID', 'GPK'],
      gates: [
        { gate: 'approve', state: 'waiting', quorum: 2 },
        { gate: 'attest', state: 'waiting', quorum: 2 },
      ],
    })
    expect(await ledger('approval.declared')).toMatchObject([
      { actor: 'operator-1', subject: `run/${draft.run}` },
    ])
  })

  it.each<[string, string, Parameters<Caller['declare']>[2]]>([
    ['over a plan that is another one now', 'plan-changed', { planDigest: `sha256:${'0'.repeat(64)}` }],
    ['for another run', 'statement-invalid', { run: 'another' }],
    ['over other systems', 'statement-invalid', { scope: { site: 'daejeon', systems: ['GPK'] } }],
    ['in the name of somebody else', 'key-unknown', { principal: 'commander-1' }],
  ])('%s is refused, and nothing is created', async (_name, code, change) => {
    expect((await caller.declare(draft, 'operator-1', change)).json()).toMatchObject({ code })
    expect((await caller.get('auditor-1', `/runs/${draft.run}`)).json()).toMatchObject({
      code: 'run-unknown',
    })
    expect(await ledger('approval.refused')).toMatchObject([{ actor: 'operator-1', data: { code } }])
  })

  it('that never became a run is spent when its time is over: whoever has its bytes begins nothing later', async () => {
    const signed = await caller.signed('operator-1', draft, { purpose: 'declare', gate: null })
    const target = { run: draft.run, planDigest: draft.plan.digest, ...scopeOf(draft.plan.subject) }
    const received = () => api.approvals.declare(target, signed, 'operator-1')
    await received()
    later = 23 * 3_600_000
    expect(await received()).toMatchObject({ run: draft.run })
    later = 25 * 3_600_000
    await expect(received()).rejects.toMatchObject({ code: 'statement-spent' })
  })

  it('of which the run is there is answered as before, however late it is sent again', async () => {
    const signed = await caller.signed('operator-1', draft, { purpose: 'declare', gate: null })
    const target = { run: draft.run, planDigest: draft.plan.digest, ...scopeOf(draft.plan.subject) }
    await api.approvals.declare(target, signed, 'operator-1')
    await api.journal.create({
      ...{ id: draft.run, plan: draft.plan, requester: 'operator-1', reason: 'lost' },
      systems: ['AID', 'GPK'],
    })
    later = 25 * 3_600_000
    expect(await api.approvals.declare(target, signed, 'operator-1')).toMatchObject({ run: draft.run })
  })

  it('of systems that are at the other site already is refused', async () => {
    api.active.set('GPK', 'gwangju')
    const answer = await caller.post('operator-1', '/plans/failover', {
      fromSite: 'daejeon',
      systems: ['GPK'],
    })
    expect(answer.json()).toMatchObject({ code: 'already-active', status: 409 })
  })

  it('of a system that has a run is refused, and told who holds it', async () => {
    await caller.declare(draft)
    const second = await caller.draft('GPK')
    const answer = await caller.declare(second, 'operator-2')
    expect(answer.json()).toMatchObject({ code: 'system-locked', status: 409 })
    expect(answer.body).toContain(draft.run)
  })

  it('of a site or system that is not registered is refused', async () => {
    const ask = (body: object) => caller.post('operator-1', '/plans/failover', body)
    expect((await ask({ fromSite: 'busan' })).json()).toMatchObject({ code: 'site-unknown' })
    expect((await ask({ fromSite: 'daejeon', systems: ['XYZ'] })).json()).toMatchObject({
      code: 'system-unknown',
    })
  })
})

describe('a take-over', () => {
  const sign = (name: string) =>
    caller.signed(name, draft, { purpose: 'take-over', gate: 'take-over', reason: 'its daemon hangs' })
  const state = async () =>
    (await caller.get('auditor-1', `/runs/${draft.run}`)).json<{ state: string }>().state

  beforeEach(async () => {
    expect((await caller.declare(draft)).statusCode).toBe(200)
  })

  it('ends the run with the second signature, and its systems are free', async () => {
    const first = await caller.approve(draft, await sign('approver-1'))
    expect(first.json()).toMatchObject({ gate: { purpose: 'take-over', state: 'waiting', quorum: 2 } })
    expect(await state()).toBe('waiting')
    const second = await caller.approve(draft, await sign('commander-1'))
    expect(second.json()).toMatchObject({ gate: { state: 'passed' } })
    expect(await state()).toBe('canceled')
    expect(await api.journal.locks()).toEqual([])
    const [entry] = await ledger('run.taken-over')
    expect(entry).toMatchObject({
      subject: `run/${draft.run}`,
      data: { event: { by: ['approver-1', 'commander-1'], reason: 'its daemon hangs; its daemon hangs' } },
    })
  })

  it('takes two: the requester, one person twice, and a wrong role do not count', async () => {
    expect((await caller.approve(draft, await sign('operator-1'))).json()).toMatchObject({
      code: 'own-request',
    })
    expect((await caller.approve(draft, await sign('sre-1'))).json()).toMatchObject({ code: 'role-missing' })
    await caller.approve(draft, await sign('approver-1'))
    expect((await caller.approve(draft, await sign('approver-1'))).json()).toMatchObject({
      code: 'approved-already',
    })
    expect(await state()).toBe('waiting')
  })

  it('is finished when the daemon was killed between the last signature and the end of the run', async () => {
    await caller.approve(draft, await sign('approver-1'))
    const last = await sign('commander-1')
    await api.approvals.submit(draft.run, last, 'commander-1')
    expect(await state()).toBe('waiting')
    expect((await caller.approve(draft, last)).json()).toMatchObject({ gate: { state: 'passed' } })
    expect(await state()).toBe('canceled')
  })
})

describe('what was signed for another installation', () => {
  it('counts here for nothing: neither a declaration nor an approval', async () => {
    const rehearsal = { installation: 'rehearsal' }
    const declared = await caller.declare(draft, 'operator-1', rehearsal)
    expect(declared.json()).toMatchObject({ code: 'statement-invalid', where: 'installation' })
    expect((await caller.declare(draft)).statusCode).toBe(200)
    const approved = await caller.approve(draft, await caller.signed('approver-1', draft, {}, rehearsal))
    expect(approved.json()).toMatchObject({
      code: 'statement-invalid',
      why: 'it was signed for the installation rehearsal, this one is test',
    })
    expect(await ledger('approval.refused')).toHaveLength(2)
  })
})

describe('approvals', () => {
  beforeEach(async () => {
    expect((await caller.declare(draft)).statusCode).toBe(200)
  })

  it('of two people open the gate; who sent them does not matter', async () => {
    const first = await caller.approve(draft, await caller.signed('approver-1', draft))
    expect(first.json()).toMatchObject({ gate: { state: 'waiting', given: [{ principal: 'approver-1' }] } })
    const second = await caller.approve(draft, await caller.signed('commander-1', draft), 'sre-1')
    expect(second.json()).toMatchObject({ gate: { state: 'passed' } })
    expect(await ledger('approval.given')).toMatchObject([
      { actor: 'approver-1', data: { sentBy: 'operator-2' } },
      { actor: 'commander-1', data: { sentBy: 'sre-1' } },
    ])
    expect(await gate('attest')).toMatchObject({ state: 'waiting', given: [] })
  })

  it('answer the engine and the fence', async () => {
    await caller.approve(draft, await caller.signed('approver-1', draft))
    await caller.approve(
      draft,
      await caller.signed('approver-2', draft, { decision: 'no', reason: 'not yet' }),
    )
    await caller.approve(draft, await caller.attestation('sre-1', draft))
    const about = { runId: draft.run, planDigest: draft.plan.digest, requester: 'operator-1' }
    const at = await api.approvals.at({ ...about, node: 'approve', gate: { purpose: 'failover', quorum: 2 } })
    expect(at).toEqual({ granted: ['approver-1'], rejected: [{ by: 'approver-2', reason: 'not yet' }] })
    expect(await api.approvals.forRun(draft.run)).toMatchObject([{ principal: 'sre-1', site: 'daejeon' }])
  })

  it('expire, counted from receipt, and can be given anew', async () => {
    await caller.approve(draft, await caller.signed('approver-1', draft, { validFor: '1h' }))
    later = 3_600_000 + 1000
    caller = new Caller(app, all)
    expect(await gate('approve')).toMatchObject({ given: [] })
    const again = await caller.approve(draft, await caller.signed('approver-1', draft))
    expect(again.json()).toMatchObject({ gate: { given: [{ principal: 'approver-1' }] } })
  })

  it.each<[string, string, () => Promise<{ statement: string; signature: string }>]>([
    ["of one's own request", 'own-request', () => caller.attestation('operator-1', draft)],
    ['by a role that may not', 'role-missing', () => caller.signed('sre-1', draft)],
    [
      'with a key that is in no roster',
      'key-unknown',
      () => caller.signed('approver-1', draft, {}, {}, 'stranger'),
    ],
    ['by somebody who is not in the roster', 'principal-unknown', () => caller.signed('stranger', draft)],
    [
      "with somebody else's key",
      'key-unknown',
      () => caller.signed('approver-1', draft, {}, {}, 'approver-2'),
    ],
    ['with a key that has ended', 'key-expired', () => caller.signed('approver-late', draft)],
    ['with a key that has not begun', 'key-expired', () => caller.signed('approver-early', draft)],
    [
      'over a plan that changed',
      'plan-changed',
      () => caller.signed('approver-1', draft, {}, { planDigest: `sha256:${'0'.repeat(64)}` }),
    ],
    [
      'for another run',
      'statement-invalid',
      () => caller.signed('approver-1', draft, {}, { run: 'another' }),
    ],
    [
      'for a gate that is not there',
      'gate-unknown',
      () => caller.signed('approver-1', draft, { gate: 'bless' }),
    ],
    [
      'that was changed after signing',
      'signature-invalid',
      async () => {
        const signed = await caller.signed('approver-1', draft)
        return { ...signed, statement: signed.statement.replace('the plan was read', 'the plan was good') }
      },
    ],
    [
      'that was signed as a declaration',
      'signature-invalid',
      async () => {
        const { signature } = await caller.signed('approver-1', draft, { purpose: 'declare', gate: null })
        return { statement: (await caller.signed('approver-1', draft)).statement, signature }
      },
    ],
  ])('%s are refused and recorded', async (_name, code, make) => {
    const answer = await caller.approve(draft, await make())
    expect(answer.json()).toMatchObject({ code, why: expect.stringMatching(/./) })
    expect(await ledger('approval.refused')).toMatchObject([
      { actor: 'operator-2', subject: `run/${draft.run}`, data: { code } },
    ])
    expect(await gate('approve')).toMatchObject({ given: [] })
  })

  it('of the same person count once, also when several arrive at the same moment', async () => {
    const reasons = ['one', 'two', 'three', 'four', 'five', 'six']
    const signed = await Promise.all(reasons.map((reason) => caller.signed('approver-1', draft, { reason })))
    const answers = await Promise.all(signed.map((one) => caller.approve(draft, one)))
    expect(answers.filter((answer) => answer.statusCode === 200)).toHaveLength(1)
    expect(
      answers.filter((answer) => answer.json<{ code?: string }>().code === 'approved-already'),
    ).toHaveLength(5)
    expect(await gate('approve')).toMatchObject({ state: 'waiting', given: [{ principal: 'approver-1' }] })
  })

  it('are received one after the other: none is judged before what came before it is recorded', async () => {
    const signed = await caller.signed('approver-1', draft)
    const waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    const answer = await transaction(database().pool, async (tx) => {
      await lockStatements(tx, draft.run)
      const sent = caller.approve(draft, signed)
      await expect.poll(async () => (await tx.query(waiting)).rowCount).toBe(1)
      return { sent }
    })
    expect((await answer.sent).statusCode).toBe(200)
  })

  it('on a run that is not there are refused', async () => {
    const other = { ...draft, run: 'nothing' }
    expect((await caller.approve(other, await caller.signed('approver-1', other))).json()).toMatchObject({
      code: 'run-unknown',
    })
  })

  it('are not recorded when the ledger cannot be written: both or neither', async () => {
    await Promise.all(['operator-2', 'auditor-1'].map((name) => caller.token(name)))
    await database().pool.query('DROP TABLE ledger_pending')
    const answer = await caller.approve(draft, await caller.signed('approver-1', draft))
    expect(answer.statusCode).toBe(500)
    expect(await gate('approve')).toMatchObject({ given: [] })
  })
})

describe('a voiding', () => {
  const voided: Voiding = {
    kind: 'assumption-broken',
    system: null,
    why: { ko: '센터가 응답합니다', en: 'the site answers' },
    facts: {},
  }

  const gateAt = (node: string) => ({ node, purpose: 'approve' as const, quorum: 2 })
  const subject = (run: string): Subject => ({
    ...{
      run,
      planDigest: draft.plan.digest,
      requester: 'operator-1',
      ended: false,
      gates: [gateAt('approve')],
    },
    ...scopeOf(draft.plan.subject),
  })
  const over = (find: (run: string) => Subject) =>
    new Approvals({
      pool: database().pool,
      roster: all.roster,
      policy: defaultPolicy,
      installation: 'test',
      gradeOf: () => 'G1',
      clock: { now: () => Date.now() },
      findings: { report: async () => {}, close: async () => {} },
      subjects: { find: async (run) => find(run) },
    })
  const sign = async (approvals: Approvals, ...names: string[]) => {
    for (const name of names)
      await approvals.submit(draft.run, await caller.signed(name, draft), 'operator-2')
  }

  beforeEach(() => caller.declare(draft))

  it('asks again at the gates where somebody had signed, and not at one whose turn is later', async () => {
    const approvals = over((run) => ({ ...subject(run), gates: ['approve', 'GPK/accept'].map(gateAt) }))
    await sign(approvals, 'approver-1', 'approver-2')
    await approvals.void(draft.run, voided)
    expect((await approvals.missingSince(draft.run, null))?.text.en).toMatch(/anew: approve 0\/2$/)
    await sign(approvals, 'approver-1', 'commander-1')
    expect(await approvals.missingSince(draft.run, null)).toBeUndefined()
  })

  it('by the run of a system of a fleet is of what people signed over the fleet, and holds back that system', async () => {
    const approvals = over((run) =>
      run === draft.run
        ? subject(run)
        : { ...subject(run), gates: [], systems: [run.split('.')[1] ?? ''], coveredBy: draft.run },
    )
    await sign(approvals, 'approver-1', 'approver-2')
    const [first, other] = [`${draft.run}.GPK`, `${draft.run}.AID`]
    expect(await approvals.void(first, { ...voided, system: 'GPK' })).toEqual(['approver-1', 'approver-2'])
    expect((await approvals.missingSince(first, null))?.text.en).toMatch(/anew: approve 0\/2$/)
    expect(await approvals.missingSince(other, null)).toBeUndefined()
    await sign(approvals, 'approver-1', 'commander-1')
    expect(await approvals.missingSince(first, 'GPK')).toBeUndefined()
  })
})
