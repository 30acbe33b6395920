import type { ApprovalRule } from '#approval/policy.ts'
import type { Language } from './language.ts'
import { table } from './table.ts'
import { span } from './time.ts'

const words = {
  ko: {
    head: '승인 정책',
    titles: ['행위', '등급', '인원', '역할', '유효', '키', '규칙'],
    rest: '나머지',
  },
  en: {
    head: 'approval policy',
    titles: ['action', 'grades', 'people', 'roles', 'valid for', 'keys', 'rule'],
    rest: 'all others',
  },
} as const

/** The rules in force: who decides on what. */
export function policyLines(
  policy: { digest: string; rules: readonly ApprovalRule[] },
  language: Language,
): string[] {
  const { head, titles, rest } = words[language]
  const texts: ((rule: ApprovalRule) => string)[] = [
    (rule) => rule.action,
    (rule) => rule.grades.join(', ') || rest,
    (rule) => String(rule.people),
    (rule) => rule.roles.join(', '),
    (rule) => span(rule.validForMs),
    (rule) => rule.keys,
    (rule) => rule.id,
  ]
  const columns = texts.map((text, at) => ({ title: titles[at] ?? '', text }))
  return [`${head} ${policy.digest}`, ...table(columns, policy.rules)]
}
