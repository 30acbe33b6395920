import { describe, expect, test } from 'vitest'
import { HaetaeError } from '#model/errors.ts'
import type { Clock } from '#model/time.ts'
import { createLog } from '#platform/log.ts'
import type { Releasers } from './releasers.ts'
import { startAgain } from './start-again.ts'

const log = createLog({ level: 'silent', site: 'daejeon' })
const clock: Clock = { now: () => 0, sleep: async () => undefined }

function unavailable(code: string): HaetaeError {
  const cause = Object.assign(new Error(code), { code })
  return new HaetaeError('postgres-unavailable', 'no connection', { cause })
}

/** Starts that fail one after the other, each after it took something; says what was taken and given back. */
function starts(failures: readonly Error[]): {
  said: string[]
  start: (releasers: Releasers) => Promise<string>
} {
  const said: string[] = []
  let number = 0
  const start = async (releasers: Releasers): Promise<string> => {
    const own = ++number
    said.push(`take ${own}`)
    releasers.add('part', () => void said.push(`give back ${own}`))
    const failure = failures[own - 1]
    if (failure !== undefined) throw failure
    return `start ${own}`
  }
  return { said, start }
}

describe('a start', () => {
  test('whose PostgreSQL goes away in the middle is undone and made again', async () => {
    const { said, start } = starts([
      unavailable('ECONNREFUSED'),
      unavailable('ENOENT'),
      new HaetaeError('postgres-unavailable', 'no connection', {
        cause: new Error('timeout exceeded when trying to connect'),
      }),
      new HaetaeError('postgres-unavailable', 'the schema could not be brought up', {
        cause: new Error('schema change 010 failed', {
          cause: new Error('Connection terminated unexpectedly'),
        }),
      }),
    ])
    const { parts, releasers } = await startAgain({ clock, log }, start)
    expect(parts).toBe('start 5')
    expect(said).toEqual([
      ...['take 1', 'give back 1', 'take 2', 'give back 2', 'take 3', 'give back 3', 'take 4', 'give back 4'],
      'take 5',
    ])
    await releasers.release()
    expect(said.at(-1)).toBe('give back 5')
  })

  test('that PostgreSQL is taken from again and again fails in the end, with the reason', async () => {
    const { said, start } = starts(Array.from({ length: 9 }, () => unavailable('ECONNREFUSED')))
    await expect(startAgain({ clock, log }, start)).rejects.toMatchObject({ code: 'postgres-unavailable' })
    expect(said).toHaveLength(10)
  })

  test.each([
    ['another error', new Error('a defect')],
    ['a PostgreSQL that cannot be started', new HaetaeError('postgres-unavailable', 'it did not start')],
    ['a wrong catalogue', new HaetaeError('estate-invalid', 'systems.txt')],
  ])('that fails by %s is undone and not made again', async (_, failure) => {
    const { said, start } = starts([failure])
    await expect(startAgain({ clock, log }, start)).rejects.toBe(failure)
    expect(said).toEqual(['take 1', 'give back 1'])
  })
})
