import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RoundRecord, seedRange, totalsOf, type RoundLine } from '../chaos/record.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'chaos-record-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const round = (seed: number, violations: string[] = []): RoundLine => ({
  ...{ seed, violations, effects: 10, mishaps: 3, answers: 1, ms: 100 },
})

describe('the record of rounds', () => {
  test('adds up over several ranges, and a round that was repeated counts once, as it went last', () => {
    const file = join(folder, 'new', 'abc.jsonl')
    for (const line of [round(1), round(2, ['lost'])]) new RoundRecord(file).append(line)
    for (const line of [round(900), round(2)]) new RoundRecord(file).append(line)
    const lines = new RoundRecord(file).read()
    expect([...lines.keys()]).toEqual([1, 2, 900])
    expect(totalsOf(lines.values())).toEqual({ rounds: 3, failed: [], effects: 30, mishaps: 9, answers: 3 })
  })

  test('names the seeds that failed', () => {
    expect(totalsOf([round(1), round(7, ['twice']), round(9, ['lost'])]).failed).toEqual([7, 9])
  })

  test('survives a line that was cut off', () => {
    const file = join(folder, 'abc.jsonl')
    const record = new RoundRecord(file)
    record.append(round(1))
    appendFileSync(file, '{"seed":2,"viol')
    expect([...record.read().keys()]).toEqual([1])
  })
})

describe('a range of seeds', () => {
  test.each([
    ['1-1000', { from: 1, to: 1000 }],
    ['17', { from: 17, to: 17 }],
  ])('%s', (text, range) => expect(seedRange(text)).toEqual(range))

  test.each(['', '0', '9-3', 'all', '1-', '-3', '1.5', '1-9999999999'])('%s is refused', (text) => {
    expect(() => seedRange(text)).toThrow(RangeError)
  })
})
