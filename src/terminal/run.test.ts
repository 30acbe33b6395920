import { describe, expect, it } from 'vitest'
import type { NodeView } from '#api/schema/run.ts'
import { questionLines } from './question.ts'
import { waitingLines } from './run.ts'
import { displayWidth } from './width.ts'

const text = (en: string) => ({ ko: en, en })

function node(id: string, more: Partial<NodeView>): NodeView {
  return {
    ...{ id, system: 'A', title: text(id), type: 'pg.promote', wave: 1, needs: [], state: 'waiting' },
    ...{ waitReason: null, waitsFor: [], attempt: 0, startedAt: null, endedAt: null },
    ...{ message: null, question: null, skipped: null },
    ...more,
  }
}

describe('what a run waits for', () => {
  it('shows what holds it up, with Korean time, and counts what stands behind', () => {
    const behind = node('A/start', { waitReason: 'needs', waitsFor: [text('needs A/promote (waiting)')] })
    const tries = node('A/promote', {
      waitReason: 'retry',
      waitsFor: [text('tries again at 2026-11-24T14:15:59.631Z: no answer')],
    })
    expect(waitingLines({ graph: [tries, behind, { ...behind, id: 'A/ready' }] }, 'en')).toEqual([
      '  A/promote                tries again at 2026-11-24 23:15:59 KST: no answer',
      '  +2                       need steps before them',
    ])
    expect(waitingLines({ graph: [tries] }, 'en')).toHaveLength(1)
  })

  it('loses no reason, however narrow the screen', () => {
    const reason = 'tries again: the workload is not in the cluster, and nobody has put it back so far'
    const tries = node('A/start', { waitReason: 'retry', waitsFor: [text(reason)] })
    const lines = waitingLines({ graph: [tries] }, 'en', 60)
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(60)
    expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toBe(` A/start ${reason}`)
  })
})

describe('a question', () => {
  const [ko, en] = ['다시 시도하시겠습니까?', 'Try again?']
  const question = { reason: 'exhausted', text: { ko, en }, facts: {}, choices: ['retry', 'fail'] }
  const run = { id: 'F-1', toSite: 'gwangju', question: null, graph: [node('A/x', { question })] }

  it('is asked in the language of the person, with a whole command for each answer', () => {
    const lines = questionLines(run, 'ko')
    expect(lines[1]?.trim()).toBe(ko)
    expect(lines.slice(-2)).toEqual([
      '      haetae run decide F-1 --node A/x --answer retry --reason TEXT --site gwangju',
      '      haetae run decide F-1 --node A/x --answer fail --reason TEXT --site gwangju',
    ])
    expect(questionLines(run, 'en')[1]?.trim()).toBe(en)
  })
})
