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

test('what differs from what was approved is told in words, in place of digests', () => {
  const differs = [
    { name: 'ONN/traffic with.ttlSeconds', approved: 2, now: 60 },
    { name: 'ONN/warm', approved: null, now: 'http.get' },
    { name: 'ONN/check', approved: 'http.check', now: null },
  ]
  const changed = [{ part: 'actions', approved: 'sha256:a', now: 'sha256:b' }]
  const facts = { approved: 'sha256:1', now: 'sha256:2', changed, differs, more: 4 }
  const english = asked('drift', facts, 'en')
  const lines = [
    'parts that differ: actions',
    '~ ONN/traffic with.ttlSeconds: 2 → 60',
    '+ ONN/warm: http.get',
    '- ONN/check: http.check',
    'and 4 more',
    'what has changed: haetae run drift F-1 --site gwangju',
  ]
  expect(english).toContain(lines.map((line) => `\n    ${line}`).join(''))
  expect(english).not.toContain('sha256')
  expect(asked('drift', facts, 'ko')).toContain('외 4개')
})
