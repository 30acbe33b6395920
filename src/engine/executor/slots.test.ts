import { expect, test } from 'vitest'
import { Slots } from './slots.ts'
import { Stopped } from './stopped.ts'

const forever = new AbortController().signal
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a place that is given back goes to the lowest wave, and within it to who came first', async () => {
  const slots = new Slots(1)
  const order: string[] = []
  const giveBack = await slots.take(1, forever)
  const ask = async (name: string, wave: number) => {
    const done = await slots.take(wave, forever)
    order.push(name)
    done()
  }
  const all = [ask('late', 3), ask('early', 1), ask('middle', 2), ask('early too', 1)]
  giveBack()
  await Promise.all(all)
  expect(order).toEqual(['early', 'early too', 'middle', 'late'])
})

test('who stops waiting takes no place, and a place given back twice counts once', async () => {
  const slots = new Slots(1)
  const giveBack = await slots.take(1, forever)
  const gone = new AbortController()
  const leaving = slots.take(1, gone.signal)
  gone.abort()
  await expect(leaving).rejects.toBeInstanceOf(Stopped)
  giveBack()
  giveBack()
  const second = await slots.take(1, forever)
  let third = false
  void slots.take(1, forever).then(() => (third = true))
  await turn()
  expect(third).toBe(false)
  second()
  await turn()
  expect(third).toBe(true)
})
