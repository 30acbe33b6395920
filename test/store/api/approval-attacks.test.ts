import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { GateView, StatementView } from '#api/schema/approval.ts'
import type { Draft } from '#api/schema/request.ts'
import { parsePolicy } from '#approval/policy-file.ts'
import { testApi, type TestApi } from '../../support/api.ts'
import { cast, people, type People } from '../../support/people.ts'
import { databasePerTest, freshDatabase } from '../../support/postgres.ts'
import { Caller } from './caller.ts'

const database = databasePerTest()
let all: People
let api: TestApi
let app: FastifyInstance
let caller: Caller
let draft: Draft
const policy = parsePolicy(
  'p.yaml',
  'apiVersion: haetae/v1\nkind: ApprovalPolicy\nrules:\n  - { id: top, action: approve, grades: [T0], people: 3, validFor: 1h }\n  - { id: eyes, action: attest, grades: [T0], people: 3, validFor: 1h }',
)

beforeAll(async () => {
  all = await people(cast)
})
afterAll(() => all[Symbol.asyncDispose]())
beforeEach(async () => {
  api = await testApi(database().pool, all, undefined, policy)
  app = api.build()
  caller = new Caller(app, all)
  draft = await caller.draft('GPK', 'AID')
  expect((await caller.declare(draft)).statusCode).toBe(200)
})
afterEach(() => app.close())

async function listed(run = draft.run) {
  return (await caller.get('auditor-1', `/runs/${run}/approvals`)).json<{
    items: StatementView[]
    gates: GateView[]
  }>()
}

describe('what an attacker with a signed approval tries', () => {
  it.each<[string, (signed: { statement: string; signature: string }) => object, string]>([
    [
      'to use it at the other gate',
      (signed) => ({ ...signed, statement: signed.statement.replace('"gate":"approve"', '"gate":"attest"') }),
      'signature-invalid',
    ],
    [
      'to use it for another purpose',
      (signed) => ({
        ...signed,
        statement: signed.statement.replace('"purpose":"approve"', '"purpose":"break-glass"'),
      }),
      'signature-invalid',
    ],
    [
      'to turn it into a no',
      (signed) => ({ ...signed, statement: signed.statement.replace('"yes"', '"no"') }),
      'signature-invalid',
    ],
    [
      'to write it otherwise, so that it counts twice',
      (signed) => ({ ...signed, statement: signed.statement.replace('{', '{ ') }),
      'statement-invalid',
    ],
    [
      'to send more than anybody signs',
      (signed) => ({ ...signed, statement: 'x'.repeat(900_000) }),
      'input-invalid',
    ],
    ['to fill the memory', (signed) => ({ ...signed, statement: 'x'.repeat(2_000_000) }), 'input-invalid'],
    [
      'to send a thousand levels of JSON',
      (signed) => ({ ...signed, statement: '['.repeat(9_000) }),
      'statement-invalid',
    ],
  ])('%s is refused', async (_name, change, code) => {
    const answer = await caller.approve(draft, change(await caller.signed('approver-1', draft)))
    expect(answer.json()).toMatchObject({ code })
    expect((await listed()).gates).toMatchObject([{ given: [] }, { given: [] }])
  })

  it('to replay it on another run of the very same plan is refused', async () => {
    const signed = await caller.signed('approver-1', draft)
    await caller.approve(draft, signed)
    const other = { ...draft, run: `${draft.run}-b` }
    const asked = { plan: draft.plan, requester: 'operator-1', reason: 'again', systems: [] }
    await api.journal.create({ id: other.run, ...asked })
    expect((await caller.approve(other, signed)).json()).toMatchObject({ code: 'statement-invalid' })
  })

  it('to replay it at the daemon of another site is refused: that site does not know the run', async () => {
    const signed = await caller.signed('approver-1', draft)
    await using elsewhereDatabase = await freshDatabase()
    const elsewhere = await testApi(elsewhereDatabase.pool, all)
    const otherApp = elsewhere.build()
    try {
      const other = new Caller(otherApp, all)
      expect((await other.approve(draft, signed)).json()).toMatchObject({ code: 'run-unknown' })
    } finally {
      await otherApp.close()
    }
  })
})

describe('a policy by grade', () => {
  it('decides how many people the gate takes; which rule it was is shown and recorded', async () => {
    for (const name of ['approver-1', 'approver-2']) {
      const answer = await caller.approve(draft, await caller.signed(name, draft))
      expect(answer.json()).toMatchObject({ gate: { state: 'waiting', quorum: 3 } })
    }
    const third = await caller.approve(draft, await caller.signed('commander-1', draft))
    expect(third.json<{ gate: GateView }>().gate).toMatchObject({ state: 'passed', policy: policy.digest })
    const { items } = await listed()
    const approval = items.find((one) => one.principal === 'approver-1')
    expect(approval?.rules).toContain('top')
    expect(approval?.policy).toBe(policy.digest)
    const lasts = Date.parse(approval?.expiresAt ?? '') - Date.parse(approval?.receivedAt ?? '')
    expect(lasts).toBe(3_600_000)
  })
})

describe('a policy on attestations', () => {
  it('says how many people the fence takes, not only the gate', async () => {
    expect(await api.approvals.peopleFor(draft.run)).toBe(3)
    expect(await api.approvals.peopleFor('no-such-run')).toBe(0)
  })
})

describe('what the API gives of a statement', () => {
  it('is verified by stock ssh-keygen, and a changed byte is not', async () => {
    await caller.approve(draft, await caller.signed('approver-1', draft))
    const { items } = await listed()
    expect(items.map(({ purpose }) => purpose)).toEqual(['declare', 'approve'])
    for (const [at, one] of items.entries()) {
      const file = (name: string) => join(all.folder, `${at}.${name}`)
      writeFileSync(file('sig'), one.signed.signature)
      // The signers by the roster in one's own hand, not by what the API says of itself.
      writeFileSync(file('signers'), all.roster.allowedSigners())
      const args = ['-f', file('signers'), '-I', one.principal, '-n', one.namespace, '-s', file('sig')]
      const check = (input: string) => execFileSync('ssh-keygen', ['-Y', 'verify', ...args], { input })
      expect(check(one.signed.statement).toString()).toContain(`Good "${one.namespace}" signature`)
      expect(() => check(`${one.signed.statement} `)).toThrow()
      const line = one.allowedSigner.split(' ').slice(-2).join(' ')
      expect(readFileSync(file('signers'), 'utf8')).toContain(line)
    }
    expect(readdirSync(all.folder).filter((name) => name.endsWith('.sig'))).toHaveLength(2)
  })
})
