import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { OffLoop, type OffLoopOptions } from './off-loop.ts'

const folder = mkdtempSync(join(tmpdir(), 'haetae-off-loop-'))
afterAll(() => rmSync(folder, { recursive: true }))
const here = new URL('.', import.meta.url).href

/** A thread that does what it is asked, in this very module's other half. */
const module = pathToFileURL(join(folder, 'thread.ts'))
writeFileSync(
  module,
  `import { answerOffLoop } from '${here}off-loop.ts'
import { HaetaeError } from '${new URL('../model/errors.ts', import.meta.url).href}'
answerOffLoop((data: { word: string }) => {
  let calls = 0
  return (request: string) => {
    calls += 1
    if (request === 'refuse')
      throw new HaetaeError('plan-impossible', 'GOV', { why: { ko: '이유', en: 'why' }, where: 'here', facts: { a: 1 } })
    if (request === 'throw') throw new TypeError('a defect')
    if (request === 'exit') process.exit(3)
    if (request === 'hang') for (;;);
    const kept: number[][] = []
    while (request === 'fill') kept.push(Array.from({ length: 100_000 }, (_, index) => index))
    return [data.word, request, calls]
  }
})
`,
)

function threadWith(options: Partial<OffLoopOptions> = {}) {
  const thread = new OffLoop<string, [string, string, number]>({
    ...{ module, data: { word: 'data' }, what: 'a plan' },
    ...{ withinMs: 30_000, memoryMb: 64, callsAtMost: 4 },
    ...options,
  })
  return Object.assign(thread, { [Symbol.asyncDispose]: () => thread.close() })
}

test('calls are answered one after the other, by one thread that has its data', async () => {
  await using thread = threadWith()
  expect(await Promise.all(['a', 'b'].map((request) => thread.call(request)))).toEqual([
    ['data', 'a', 1],
    ['data', 'b', 2],
  ])
})

test('an error of the catalogue crosses whole, and the thread goes on', async () => {
  await using thread = threadWith()
  await expect(thread.call('refuse')).rejects.toMatchObject({
    ...{ name: 'HaetaeError', code: 'plan-impossible', what: 'GOV', where: 'here', facts: { a: 1 } },
    ...{ why: 'why', whyKo: '이유' },
  })
  expect(await thread.call('b')).toEqual(['data', 'b', 2])
})

test.each([
  ['throw', 'a defect'],
  ['exit', 'its thread ended with code 3'],
  ['fill', 'heap out of memory'],
])('a thread that is lost (%s) says why, and the next call has a new one', async (request, why) => {
  await using thread = threadWith()
  await expect(thread.call(request)).rejects.toMatchObject({
    ...{ code: 'work-failed', what: 'a plan' },
    why: expect.stringContaining(why) as string,
  })
  expect(await thread.call('b')).toEqual(['data', 'b', 1])
})

test('a call that takes too long is ended, and those behind it go on', async () => {
  await using thread = threadWith({ withinMs: 4_000 })
  const [late, behind] = await Promise.allSettled([thread.call('hang'), thread.call('b')])
  expect(late).toMatchObject({ reason: { code: 'work-failed', why: 'it took longer than 4 s' } })
  expect(behind).toMatchObject({ value: ['data', 'b', 1] })
})

test('more calls than may wait are refused at once', async () => {
  await using thread = threadWith({ callsAtMost: 2 })
  const calls = await Promise.allSettled(['a', 'b', 'c'].map((request) => thread.call(request)))
  expect(calls.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  expect(calls[2]).toMatchObject({ reason: { why: '2 others are asked for already' } })
})

test('closing ends what is under way', async () => {
  const thread = threadWith()
  const [call] = await Promise.allSettled([thread.call('hang'), thread.close()])
  expect(call).toMatchObject({ reason: { why: 'the daemon stops' } })
  await expect(thread.call('b')).rejects.toMatchObject({ code: 'work-failed' })
})
