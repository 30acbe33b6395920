import { expect, test } from 'vitest'
import { sharedLook } from './shared-look.ts'

const signal = new AbortController().signal

test('many who ask at once share one look, and a later one looks anew', async () => {
  let now = 1_000
  let looks = 0
  const look = sharedLook({ now: () => now }, 300, async () => ++looks)
  expect(await Promise.all([look(signal), look(signal), look(signal)])).toEqual([1, 1, 1])
  now += 299
  expect(await look(signal)).toBe(1)
  now += 1
  expect(await look(signal)).toBe(2)
})

test('a clock that was set back does not keep an old look', async () => {
  let now = 1_000_000
  let looks = 0
  const look = sharedLook({ now: () => now }, 300, async () => ++looks)
  await look(signal)
  now -= 500_000
  expect(await look(signal)).toBe(2)
})

test('one who gives up does not end the look of the others', async () => {
  let finish: (value: string) => void = () => undefined
  const look = sharedLook({ now: () => 1 }, 300, () => new Promise<string>((done) => (finish = done)))
  const impatient = new AbortController()
  const first = look(impatient.signal)
  const second = look(signal)
  impatient.abort(new Error('enough'))
  await expect(first).rejects.toThrow('enough')
  finish('seen')
  expect(await second).toBe('seen')
})
