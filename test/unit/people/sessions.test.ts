import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sign } from '#platform/ssh.ts'
import { cast, people, type People } from '../../support/people.ts'
import { sessionStatement } from '#people/session-statement.ts'
import { Sessions, type AccessRecord } from '#people/sessions.ts'

const start = Date.parse('2026-06-01T00:00:00Z')
let all: People
let now: number
let records: AccessRecord[]
let sessions: Sessions

beforeAll(async () => {
  all = await people(cast)
})
afterAll(() => all[Symbol.asyncDispose]())
beforeEach(() => {
  now = start
  records = []
  sessions = new Sessions({
    roster: all.roster,
    site: 'gwangju',
    clock: { now: () => now },
    record: async (record) => void records.push(record),
  })
})

async function signIn(principal: string, over: { key?: string; site?: string; challenge?: string } = {}) {
  const challenge = over.challenge ?? sessions.challenge().challenge
  const bytes = sessionStatement(over.site ?? 'gwangju', principal, challenge)
  const signature = await sign(all.keyOf(over.key ?? principal), 'haetae-session', bytes)
  return sessions.signIn({ principal, challenge, signature })
}

function others() {
  return { site: 'gwangju', clock: { now: () => now }, record: async () => undefined }
}

describe('a challenge', () => {
  it('is not crowded out, however many others are asked for', async () => {
    const { challenge } = sessions.challenge()
    for (let count = 0; count < 5_000; count += 1) sessions.challenge()
    expect((await signIn('operator-1', { challenge })).session.principal).toBe('operator-1')
  })
})

describe('a session', () => {
  it('of one person ends when the same person opens fifty more, and nobody else does', async () => {
    const first = await signIn('operator-1')
    const other = await signIn('operator-2')
    for (let count = 0; count < 49; count += 1) await signIn('operator-1')
    expect(sessions.authenticate(first.token)).toBe(first.session)
    await signIn('operator-1')
    expect(() => sessions.authenticate(first.token)).toThrow(
      expect.objectContaining({ code: 'session-expired' }),
    )
    expect(sessions.authenticate(other.token)).toBe(other.session)
  })

  it('is opened by a signed challenge, for one hour', async () => {
    const { token, session } = await signIn('operator-1')
    expect(session).toMatchObject({ principal: 'operator-1', roles: ['operator'] })
    expect(sessions.authenticate(token)).toBe(session)
    now = start + 3_600_000 - 1
    expect(sessions.authenticate(token)).toBe(session)
    now = start + 3_600_000
    expect(() => sessions.authenticate(token)).toThrow(expect.objectContaining({ code: 'session-expired' }))
    expect(records).toMatchObject([{ kind: 'session.opened', actor: 'operator-1' }])
  })

  it('ends with its key, also within the hour', async () => {
    now = Date.parse('2026-02-01T00:00:00Z') - 60_000
    const { token } = await signIn('approver-late')
    now += 60_000
    expect(() => sessions.authenticate(token)).toThrow(expect.objectContaining({ code: 'session-expired' }))
  })

  it('ends at sign-out', async () => {
    const { token } = await signIn('operator-1')
    sessions.signOut(token)
    expect(() => sessions.authenticate(token)).toThrow(expect.objectContaining({ code: 'session-expired' }))
  })

  it('is needed: no token and an invented one are refused', () => {
    expect(() => sessions.authenticate(undefined)).toThrow(
      expect.objectContaining({ code: 'session-missing' }),
    )
    expect(() => sessions.authenticate('invented')).toThrow(
      expect.objectContaining({ code: 'session-expired' }),
    )
  })
})

describe('a sign-in is refused and recorded', () => {
  it.each([
    ['with a key that is in no roster', 'operator-1', { key: 'stranger' }, 'key-unknown'],
    ["with another person's key", 'commander-1', { key: 'operator-1' }, 'key-unknown'],
    ['with a key that has ended', 'approver-late', {}, 'key-expired'],
    ['with a key that has not begun', 'approver-early', {}, 'key-expired'],
    ['as somebody who is not in the roster', 'nobody-1', { key: 'operator-1' }, 'principal-unknown'],
    ['for another site', 'operator-1', { site: 'daejeon' }, 'signature-invalid'],
    ['with an invented challenge', 'operator-1', { challenge: 'made-up' }, 'challenge-unknown'],
  ])('%s', async (_name, principal, over, code) => {
    await expect(signIn(principal, over)).rejects.toMatchObject({ code })
    expect(records).toMatchObject([{ kind: 'session.refused', actor: principal, detail: { code } }])
  })

  it('with a challenge that is a minute old', async () => {
    const { challenge } = sessions.challenge()
    now = start + 60_000
    await expect(signIn('operator-1', { challenge })).rejects.toMatchObject({ code: 'challenge-unknown' })
  })

  it('with a challenge that has opened a session', async () => {
    const { challenge } = sessions.challenge()
    await signIn('operator-1', { challenge })
    await expect(signIn('operator-1', { challenge })).rejects.toMatchObject({ code: 'challenge-unknown' })
  })

  it('with a challenge used twice at the same moment: one session is opened', async () => {
    const { challenge } = sessions.challenge()
    const both = await Promise.allSettled([
      signIn('operator-1', { challenge }),
      signIn('operator-1', { challenge }),
    ])
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it.each([
    ['whose end was put off', (own: string) => own.replace(/^[^.]+/, (start + 86_400_000).toString(36))],
    ['of another process', () => new Sessions({ ...others(), roster: all.roster }).challenge().challenge],
  ])('with a challenge %s', async (_name, change) => {
    const challenge = change(sessions.challenge().challenge)
    await expect(signIn('operator-1', { challenge })).rejects.toMatchObject({ code: 'challenge-unknown' })
  })

  it('not more often than sixty times a minute: nobody can fill the ledger without a key; the rest is counted', async () => {
    const knock = () => signIn('operator-1', { challenge: 'made-up' }).catch(() => undefined)
    for (let count = 0; count < 70; count += 1) await knock()
    expect(records).toHaveLength(60)
    now += 60_000
    await knock()
    expect(records).toHaveLength(61)
    expect(records.at(-1)).toMatchObject({ detail: { code: 'challenge-unknown', notRecorded: '10' } })
    await knock()
    expect(records.at(-1)?.detail).not.toHaveProperty('notRecorded')
  })
})
