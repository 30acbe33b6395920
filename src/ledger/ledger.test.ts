import { expect, test } from 'vitest'
import type { Queryable } from '#platform/postgres/transaction.ts'
import { appendToLedger } from './ledger.ts'

/** The entries that would be stored, as text. */
async function stored(data: Parameters<typeof appendToLedger>[1]['data']): Promise<unknown[]> {
  const entries: string[] = []
  const query = (query: string | { values: string[][] }, values?: string[][]) => {
    const [, , texts = []] = (typeof query === 'string' ? values : query.values) ?? []
    return Promise.resolve(entries.push(...texts))
  }
  const entry = { kind: 'test.said', subject: 'a', actor: 'tester', at: '2026-11-24T00:00:00.000Z', data }
  await appendToLedger({ query } as unknown as Queryable, entry)
  return entries.map((text) => (JSON.parse(text) as { data: unknown }).data)
}

test('a message that was cut in the middle of a character is written all the same', async () => {
  const cut = 'it answered 500: 😀'.slice(0, -1)
  expect(await stored({ failure: { message: cut }, [cut]: [cut] })).toEqual([
    {
      failure: { message: 'it answered 500: \uFFFD' },
      'it answered 500: \uFFFD': ['it answered 500: \uFFFD'],
    },
  ])
})

test('a number that JSON cannot carry is refused; whole characters stay as they are', async () => {
  await expect(stored({ n: Number.NaN })).rejects.toThrow()
  expect(await stored({ left: undefined, n: null, 말: 'ㄱ 😀' })).toEqual([{ n: null, 말: 'ㄱ 😀' }])
})
