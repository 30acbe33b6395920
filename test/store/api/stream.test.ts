import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Draft } from '#api/schema/request.ts'
import type { Term } from '#engine/journal/journal.ts'
import { testApi, type TestApi } from '../../support/api.ts'
import { cast, people, type People } from '../../support/people.ts'
import { databasePerTest } from '../../support/postgres.ts'
import { Caller } from './caller.ts'

const database = databasePerTest()
let all: People
let api: TestApi
let app: FastifyInstance
let caller: Caller
let draft: Draft
let term: Term
let url: string

beforeAll(async () => {
  all = await people(cast)
})
afterAll(() => all[Symbol.asyncDispose]())
beforeEach(async () => {
  api = await testApi(database().pool, all)
  app = api.build()
  caller = new Caller(app, all)
  draft = await caller.draft('GPK')
  await caller.declare(draft)
  await app.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/runs/${draft.run}/events`
  const taken = await api.journal.acquire(draft.run, { daemon: 'd', incarnation: 'i' }, 60_000)
  if (taken === undefined) throw new Error('the run could not be taken')
  term = taken
})
afterEach(() => app.close())

/** Reads events until enough were seen, or the stream ends. */
async function read(from: string, enough: number, headers: Record<string, string> = {}) {
  const token = await caller.token('auditor-1')
  const answer = await fetch(`${url}${from}`, { headers: { authorization: `Bearer ${token}`, ...headers } })
  const seen: { id: string | undefined; event: string | undefined }[] = []
  let rest = ''
  for await (const chunk of answer.body ?? []) {
    rest += Buffer.from(chunk).toString()
    const parts = rest.split('\n\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      if (part.startsWith(':')) continue
      seen.push({ id: /^id: (.*)$/m.exec(part)?.[1], event: /^event: (.*)$/m.exec(part)?.[1] })
    }
    if (seen.length >= enough) break
  }
  return seen
}

const say = (message: string) => api.journal.append(term, [{ kind: 'progress', node: 'GPK/fence', message }])

describe('the stream of a run', () => {
  it('tells the journal from the wanted entry on, and what comes while it is open', async () => {
    await say('one')
    const before = (await api.journal.run(draft.run))?.lastSeq ?? 0
    const reading = read(`?from=${before}`, 2)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await say('two')
    expect(await reading).toEqual([
      { id: String(before), event: 'entry' },
      { id: String(before + 1), event: 'entry' },
    ])
  })

  it('goes on after the last entry that was seen, without a gap and nothing twice', async () => {
    await say('one')
    await say('two')
    const everything = await read('?from=1', 4)
    const [first, ...others] = everything
    expect(await read('', 3, { 'last-event-id': first?.id ?? '' })).toEqual(others)
  })

  it('ends with the state when the run has ended', async () => {
    await api.journal.append(term, [{ kind: 'run-ended', outcome: 'canceled' }])
    const seen = await read('', Number.POSITIVE_INFINITY)
    expect(seen.at(-1)).toEqual({ id: undefined, event: 'end' })
  })

  it('ends when the daemon stops, which does not wait for readers', async () => {
    const reading = read('', Number.POSITIVE_INFINITY).catch(() => 'broken')
    await new Promise((resolve) => setTimeout(resolve, 100))
    const begun = Date.now()
    await app.close()
    await reading
    expect(Date.now() - begun).toBeLessThan(5000)
  })

  it('of a run that is not there is an error with a status', async () => {
    expect((await caller.get('auditor-1', '/runs/nothing/events')).json()).toMatchObject({
      code: 'run-unknown',
    })
  })
})
