import { expect, test } from 'vitest'
import type { RunDetail } from '#api/schema/run.ts'
import { questionLines } from './question.ts'

const assumption = { subject: 'daejeon', statement: { ko: '원 센터 무응답', en: 'the source is silent' } }
const broken = [{ assumption, why: 'peer answers: 200', whyKo: 'peer에서 응답: 200' }]

function asked(reason: string, facts: object, language: 'ko' | 'en'): string {
  const text = { en: 'Check again, or stop?', ko: '다시 확인합니까, 멈춥니까?' }
  const question = { reason, text, facts, choices: ['retry', 'fail'] }
  return questionLines(
    { id: 'F-1', toSite: 'gwangju', question, graph: [] } as unknown as RunDetail,
    language,
  ).join('\n')
}

test('a broken assumption is told in the language of the reader, with how to see what has changed', () => {
  expect(asked('assumption', { broken }, 'en')).toMatch(
    /Check again.*\n +daejeon: the source is silent: peer answers: 200\n +what has changed: haetae run drift F-1 --site gwangju\n/,
  )
  const korean = asked('assumption', { broken }, 'ko')
  expect(korean).toMatch(
    /다시 확인합니까.*\n +daejeon: 원 센터 무응답: peer에서 응답: 200\n.*haetae run drift F-1 --site gwangju\n/,
  )
  expect(korean).not.toMatch(/silent|answers/)
})

test('what has changed is no help where nothing depends on it, and a journal of before Korean is still shown', () => {
  expect(asked('unclear', { observed: 'x' }, 'en')).not.toContain('drift')
  expect(asked('assumption', { broken: [{ assumption, why: 'it answers' }] }, 'ko')).toContain('it answers')
})

test('why the last try failed is told in words', () => {
  const journal = {
    attempts: 6,
    last: { number: 6, failure: { kind: 'refused', message: 'no such workload' } },
  }
  expect(asked('exhausted', { journal }, 'en')).toContain(
    'journal: 6 attempts; the last one failed (refused): no such workload\n',
  )
  expect(asked('exhausted', { journal }, 'ko')).toContain('시도 6회; 마지막 실패 (refused): no such workload')
})

test('parts of a plan that are other ones now are told one by one', () => {
  const changed = [{ part: 'steps', approved: 3, now: 4 }]
  expect(asked('drift', { changed }, 'en')).toContain('changed: {"part":"steps","approved":3,"now":4}')
})
