import { expect, test } from 'vitest'
import { places } from './places.ts'

test('no more are worked on at once than there are places, and a place is free again after success and failure', async () => {
  const take = places(2, 'a plan')
  const ends: (() => void)[] = []
  const work = () => new Promise<string>((done) => ends.push(() => done('made')))
  const [one, two] = [take(work), take(work)]
  await expect(take(work)).rejects.toMatchObject({
    code: 'work-failed',
    why: expect.stringContaining('2 are'),
  })
  ends[0]?.()
  await expect(one).resolves.toBe('made')
  await expect(take(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  const three = take(work)
  await expect(take(work)).rejects.toMatchObject({ code: 'work-failed' })
  for (const end of ends) end()
  await expect(Promise.all([two, three])).resolves.toEqual(['made', 'made'])
})
