import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { contract } from '#api/contract.ts'
import { openapi } from '#api/openapi.ts'
import { routeHead, routes, type RouteName } from '#api/routes.ts'
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

beforeAll(async () => {
  all = await people(cast)
})
afterAll(() => all[Symbol.asyncDispose]())
beforeEach(async () => {
  api = await testApi(database().pool, all)
  app = api.build()
  caller = new Caller(app, all)
})
afterEach(() => app.close())

async function ledger(kind: string): Promise<LedgerLine[]> {
  const { rows } = await database().pool.query<{ entry: string }>(
    'SELECT entry FROM ledger_entry WHERE kind = $1 ORDER BY id',
    [kind],
  )
  return rows.map((row) => JSON.parse(row.entry) as LedgerLine)
}

const names = Object.keys(routes) as RouteName[]
const urlOf = (name: RouteName) => routeHead(name).path.replace(/:\w+/g, 'GPK')

describe('every route', () => {
  it('has its shapes in the contract, and a place in OpenAPI', () => {
    expect(Object.keys(contract).sort()).toEqual([...names].sort())
    const described = Object.values(
      openapi('0').paths as Record<string, Record<string, { operationId: string }>>,
    )
    const ids = described.flatMap((methods) =>
      Object.values(methods).map((operation) => operation.operationId),
    )
    expect(ids.sort()).toEqual([...names].sort())
  })

  it('that is not open to all needs a session', async () => {
    const closed = names.filter((name) => Array.isArray(routeHead(name).access))
    const codes = await Promise.all(
      closed.map(async (name) => {
        const answer = await app.inject({ method: routeHead(name).method, url: urlOf(name) })
        return [name, answer.json<{ code: string }>().code]
      }),
    )
    expect(codes).toEqual(closed.map((name) => [name, 'session-missing']))
  })

  const closedToAuditors = names.filter((name) => {
    const { access } = routeHead(name)
    return typeof access !== 'string' && !access.includes('auditor')
  })
  it('that is closed to an auditor refuses one, and records who was refused', async () => {
    for (const name of closedToAuditors) {
      expect((await caller.post('auditor-1', urlOf(name), {})).json()).toMatchObject({ code: 'role-missing' })
    }
    expect(await ledger('access.refused')).toMatchObject(
      closedToAuditors.map((name) => ({
        actor: 'auditor-1',
        subject: `POST ${urlOf(name)}`,
        data: { code: 'role-missing' },
      })),
    )
  })

  it('that changes something is closed to an auditor', () => {
    const changing = names.filter(
      (name) => routeHead(name).method === 'POST' && routeHead(name).withoutKey !== true,
    )
    expect(closedToAuditors).toEqual(changing)
  })

  it('for peers is closed to people', async () => {
    expect((await caller.get('commander-1', '/peer/status')).json()).toMatchObject({ code: 'peer-unknown' })
  })
})

describe('a request', () => {
  it('with a wrong value is refused, with its place and why', async () => {
    const answer = await caller.get('auditor-1', '/systems?limit=0')
    expect(answer.statusCode).toBe(400)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.json()).toMatchObject({
      code: 'input-invalid',
      where: 'query.limit',
      why: expect.stringMatching(/1/),
    })
  })

  it.each([
    ['broken JSON', '{', 'input-invalid'],
    ['an unknown kind of body', '"x"', 'input-invalid'],
  ])('with %s is refused', async (_name, payload, code) => {
    const headers = {
      authorization: `Bearer ${await caller.token('operator-1')}`,
      'content-type': 'application/json',
    }
    const answer = await app.inject({ method: 'POST', url: '/plans/failover', headers, payload })
    expect(answer.json()).toMatchObject({ code })
  })

  it.each([
    ['/findings?cursor=abc', 'query.cursor'],
    ['/backups?cursor=99999999999999999999', 'query.cursor'],
    ['/backups/log?cursor=%00', 'query.cursor'],
    ['/runs?cursor=%00', 'query.cursor'],
    ['/runs/GPK/journal?after=9007199254740991', 'query.after'],
    ['/runs/GPK/events?from=9007199254740991', 'query.from'],
    ['/%zz', 'body'],
  ])('to %s is refused as a mistake of the caller, not as a defect', async (url, where) => {
    const answer = await caller.get('auditor-1', url)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.json()).toMatchObject({ code: 'input-invalid', status: 400, where })
  })

  it.each([
    ['a NUL', 'a\u0000b'],
    ['an escape sequence', 'read\u001b[2J'],
    ['text turned around', 'read\u202eon'],
  ])('whose reason has %s is refused: it is shown on other terminals', async (_name, reason) => {
    const answer = await caller.post('operator-1', '/runs/GPK/cancel', { reason })
    expect(answer.json()).toMatchObject({ code: 'input-invalid', where: 'body.reason' })
  })

  it('for nothing that is there is refused', async () => {
    expect((await caller.get(undefined, '/nothing')).json()).toMatchObject({
      code: 'route-unknown',
      status: 404,
    })
  })

  it('that meets a defect says nothing of its inside', async () => {
    await database().pool.query('DROP TABLE approval_statement')
    const draft = await caller.draft('GPK')
    const answer = await caller.declare(draft)
    expect(answer.json()).toMatchObject({ code: 'defect', status: 500 })
    expect(answer.body).not.toMatch(/approval_statement/)
  })

  it('whose PostgreSQL goes away meanwhile is told so, as what passes', async () => {
    const draft = await caller.draft('GPK')
    const waiting = "FROM pg_locks WHERE relation = 'approval_statement'::regclass AND NOT granted"
    const answer = await transaction(database().pool, async (tx) => {
      await tx.query('LOCK TABLE approval_statement')
      const sent = caller.declare(draft)
      await expect.poll(async () => (await tx.query(`SELECT ${waiting}`)).rowCount).toBe(1)
      await tx.query(`SELECT pg_terminate_backend(pid) ${waiting}`)
      return sent
    })
    expect(answer.json()).toMatchObject({ code: 'postgres-unavailable', status: 503 })
  })

  it('is answered with Korean beside English', async () => {
    const answer = await caller.get('auditor-1', '/systems/NOPE')
    expect(answer.json()).toMatchObject({
      title_ko: expect.stringMatching(/등록되지 않은/),
      what: 'system NOPE',
    })
  })
})

describe('a verb on a run', () => {
  it.each(['pause', 'resume', 'rollback', 'cancel'])(
    '%s is put on record once with name and reason, by role',
    async (verb) => {
      const draft = await caller.draft('GPK')
      await caller.declare(draft)
      const url = `/runs/${draft.run}/${verb}`
      expect((await caller.post('auditor-1', url, { reason: 'x' })).json()).toMatchObject({
        code: 'role-missing',
      })
      expect((await caller.post('operator-2', url, {})).json()).toMatchObject({ code: 'input-invalid' })
      const key = 'one-key-for-both'
      for (const _ of [1, 2]) {
        const answer = await caller.post('commander-1', url, { reason: 'the link is looked at' }, key)
        expect(answer.json()).toEqual({ accepted: true })
      }
      const asked = (await api.journal.read(draft.run, 0, 100)).flatMap(({ event }) =>
        event.kind === 'command' ? [event] : [],
      )
      expect(asked).toEqual([
        { kind: 'command', by: 'commander-1', command: { verb, reason: 'the link is looked at' } },
      ])
      expect(await ledger('run.command')).toHaveLength(1)
    },
  )
})

describe('a skip', () => {
  it('is put on record with the step, the name and the reason', async () => {
    const draft = await caller.draft('GPK')
    await caller.declare(draft)
    const url = `/runs/${draft.run}/skip`
    const body = { node: 'GPK/check', reason: 'seen by eye' }
    expect((await caller.post('auditor-1', url, body)).json()).toMatchObject({ code: 'role-missing' })
    expect((await caller.post('operator-1', url, { reason: 'x' })).json()).toMatchObject({
      code: 'input-invalid',
    })
    expect((await caller.post('operator-1', url, body)).json()).toEqual({ accepted: true })
    const [entry] = await ledger('run.command')
    expect(JSON.stringify(entry)).toContain('"verb":"skip"')
  })
})

describe('operation', () => {
  it('is open to machines: liveness, readiness with its status, metrics', async () => {
    expect((await caller.get(undefined, '/healthz')).json()).toMatchObject({ alive: true, site: 'gwangju' })
    expect((await caller.get(undefined, '/readyz')).statusCode).toBe(200)
    api.ready.ok = false
    const answer = await caller.get(undefined, '/readyz')
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toMatchObject({ ready: false, checks: [{ name: 'postgres', ok: false }] })
    expect((await caller.get(undefined, '/metrics')).body).toBe('haetae_up 1\n')
  })
})

describe('a POST', () => {
  const key = 'the-same-key-again'

  it('without Idempotency-Key is refused', async () => {
    const draft = await caller.draft('GPK')
    const answer = await caller.post('operator-1', `/runs/${draft.run}/cancel`, { reason: 'x' }, null)
    expect(answer.json()).toMatchObject({ code: 'idempotency-key-missing' })
  })

  it('repeated with its key is answered the same, and done once', async () => {
    const draft = await caller.draft('GPK')
    const declaration = await caller.signed('operator-1', draft, { purpose: 'declare', gate: null })
    const body = { run: draft.run, fromSite: 'daejeon', systems: ['GPK'], declaration }
    const first = await caller.post('operator-1', '/runs', body, key)
    const second = await caller.post('operator-1', '/runs', body, key)
    expect(first.statusCode).toBe(200)
    expect(second.json()).toEqual(first.json())
    expect(await ledger('approval.declared')).toHaveLength(1)
  })

  it('with the key of another request is refused', async () => {
    const draft = await caller.draft('GPK')
    await caller.declare(draft)
    await caller.post('operator-1', `/runs/${draft.run}/cancel`, { reason: 'x' }, key)
    const other = await caller.post('operator-1', `/runs/${draft.run}/cancel`, { reason: 'y' }, key)
    expect(other.json()).toMatchObject({ code: 'idempotency-key-reused', status: 409 })
  })

  it('that failed can be tried again with the same key', async () => {
    const draft = await caller.draft('GPK')
    const before = await caller.post('operator-1', `/runs/${draft.run}/cancel`, { reason: 'x' }, key)
    expect(before.json()).toMatchObject({ code: 'run-unknown' })
    await caller.declare(draft)
    expect(
      (await caller.post('operator-1', `/runs/${draft.run}/cancel`, { reason: 'x' }, key)).statusCode,
    ).toBe(200)
  })

  it('that a killed daemon left undone is done by the next one', async () => {
    const draft = await caller.draft('GPK')
    await caller.declare(draft)
    await caller.post('operator-1', `/runs/${draft.run}/cancel`, { reason: 'x' }, key)
    await database().pool.query("UPDATE api_idempotency SET reply = NULL, owner = 'killed' WHERE key = $1", [
      key,
    ])
    expect(
      (await caller.post('operator-1', `/runs/${draft.run}/cancel`, { reason: 'x' }, key)).statusCode,
    ).toBe(200)
  })

  it('that is still being worked on is not begun twice', async () => {
    const draft = await caller.draft('GPK')
    await caller.declare(draft)
    const both = await Promise.all(
      [1, 2].map(() => caller.post('operator-1', `/runs/${draft.run}/cancel`, { reason: 'x' }, key)),
    )
    const { rows } = await database().pool.query<{ n: string }>(
      `SELECT count(*) AS n FROM ledger_entry WHERE subject = $1 AND entry LIKE '%"cancel"%'`,
      [`run/${draft.run}`],
    )
    expect(Number(rows[0]?.n)).toBe(1)
    for (const answer of both) expect([200, 409]).toContain(answer.statusCode)
  })
})
