import { expect, test } from 'vitest'
import { Batcher } from './batcher.ts'

const ok = (items: readonly number[]) =>
  items.map((item): PromiseSettledResult<number> => ({ status: 'fulfilled', value: item * 2 }))

test('what arrives while a commit is under way goes into the next one, in order', async () => {
  const commits: number[][] = []
  const first = Promise.withResolvers<void>()
  const batcher = new Batcher<number, number>(async (items) => {
    commits.push([...items])
    if (commits.length === 1) await first.promise
    return ok(items)
  })
  const one = batcher.add(1)
  await new Promise((resolve) => setImmediate(resolve))
  const more = [2, 3, 4].map((item) => batcher.add(item))
  first.resolve()
  expect(await Promise.all([one, ...more])).toEqual([2, 4, 6, 8])
  expect(commits).toEqual([[1], [2, 3, 4]])
})

test('a refused item fails alone; a commit that fails fails all of its items and none of the next', async () => {
  let commits = 0
  const batcher = new Batcher<number, number>(async (items) => {
    commits += 1
    if (commits === 2) throw new Error('connection lost')
    return items.map((item) =>
      item < 0 ? { status: 'rejected', reason: new Error('no') } : { status: 'fulfilled', value: item },
    )
  })
  const settled = await Promise.allSettled([batcher.add(1), batcher.add(-1), batcher.add(2)])
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  await expect(batcher.add(3)).rejects.toThrow('connection lost')
  expect(await batcher.add(4)).toBe(4)
})

test('a batch has a largest size', async () => {
  const sizes: number[] = []
  const batcher = new Batcher<number, number>(
    async (items) => {
      sizes.push(items.length)
      return ok(items)
    },
    () => Promise.resolve(),
    10,
  )
  await Promise.all(Array.from({ length: 25 }, (_, index) => batcher.add(index)))
  expect(sizes).toEqual([10, 10, 5])
})
