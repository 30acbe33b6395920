import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseRecord, RecordWriter, type RecordLine } from './record.ts'

describe("the citizens' record", () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'record-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('has every line that was awaited, in order, when many are written at once', async () => {
    const file = join(folder, 'record.jsonl')
    const record = await RecordWriter.open(file)
    const lines = Array.from({ length: 500 }, (_, n): RecordLine => acknowledged(`GPK-${n}`))
    await Promise.all(lines.map((line) => record.write(line)))
    expect(parseRecord(await readFile(file, 'utf8'))).toEqual(lines)
    await record.close()
  })

  it('is read without a last line that was cut off, because nobody went on after it', () => {
    const whole = JSON.stringify(acknowledged('GPK-1'))
    expect(parseRecord(`${whole}\n{"kind":"acknow`)).toEqual([acknowledged('GPK-1')])
  })

  it('says which line cannot be read when it is not the last one', () => {
    expect(() => parseRecord('{"kind":"began"}\nnonsense\n')).toThrow('line 2')
  })

  it('tells the writer when a line could not be stored', async () => {
    const record = await RecordWriter.open('/dev/full')
    await expect(record.write(acknowledged('GPK-1'))).rejects.toThrow('ENOSPC')
    await record.close()
  })
})

function acknowledged(id: string): RecordLine {
  return { kind: 'acknowledged', system: 'GPK', id, sentAt: 1, acknowledgedAt: 2, address: '10.71.1.11' }
}
