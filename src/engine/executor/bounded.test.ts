import { expect, test } from 'vitest'
import { systemClock } from '#platform/clock.ts'
import { bounded } from './bounded.ts'

const forever = new AbortController().signal

test('work that ends in time gives its value or its error', async () => {
  expect(await bounded(systemClock, 1_000, forever, async () => 7)).toEqual({ kind: 'value', value: 7 })
  const error = new Error('no')
  expect(await bounded(systemClock, 1_000, forever, () => Promise.reject(error))).toEqual({
    kind: 'error',
    error,
  })
  const thrown = bounded(systemClock, 1_000, forever, () => {
    throw error
  })
  expect(await thrown).toEqual({ kind: 'error', error })
})

test('work that ignores its deadline is left to itself, its signal aborted', async () => {
  let signal: AbortSignal | undefined
  const result = await bounded(systemClock, 5, forever, (given) => {
    signal = given
    return new Promise<never>(() => {})
  })
  expect([result.kind, signal?.aborted]).toEqual(['deadline', true])
})

test('work ends at once when it is stopped from outside, and is not begun when it was already', async () => {
  const stop = new AbortController()
  let signal: AbortSignal | undefined
  const going = bounded(systemClock, 60_000, stop.signal, (given) => {
    signal = given
    return new Promise<never>(() => {})
  })
  stop.abort(new Error('the term is over'))
  expect([(await going).kind, signal?.aborted]).toEqual(['stopped', true])
  let begun = false
  const late = bounded(systemClock, 1, stop.signal, async () => (begun = true))
  expect([(await late).kind, begun]).toEqual(['stopped', false])
})
