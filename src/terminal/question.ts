import type { NodeView, RunDetail } from '#api/schema/run.ts'
import type { Assumption } from '#plan/plan.ts'
import { inLanguage, type Language } from './language.ts'
import { paint } from './paint.ts'
import { pageWidth } from './table.ts'
import { cut, wrap } from './width.ts'

type Question = NonNullable<RunDetail['question']>

const words = {
  ko: { choices: '답', left: '남긴 값', found: '현재 값', drift: '바뀐 것 확인' },
  en: { choices: 'answers', left: 'was left', found: 'is there', drift: 'what has changed' },
} as const

/** Questions to a person, with the command that answers. */
export function questionLines(
  run: Pick<RunDetail, 'id' | 'toSite' | 'question'> & {
    graph: readonly Pick<NodeView, 'id' | 'question'>[]
  },
  language: Language,
): string[] {
  const asked: [string | null, Question | null][] = [
    [null, run.question],
    ...run.graph.map((node): [string, Question | null] => [node.id, node.question]),
  ]
  const site = ` --site ${run.toSite}`
  return asked.flatMap(([node, question]) => {
    if (question === null) return []
    const command = `haetae run decide ${run.id}${node === null ? '' : ` --node ${node}`} --answer ${question.choices.join('|')} --reason TEXT${site}`
    return [
      `  ${paint('yellow', node ?? run.id)} (${question.reason})`,
      ...wrap(questionText(question, language), pageWidth - 4).map((line) => `    ${line}`),
      ...Object.entries(question.facts).flatMap(([name, fact]) => factLines(question, name, fact, language)),
      ...(drifts.has(question.reason)
        ? [`    ${words[language].drift}: haetae run drift ${run.id}${site}`]
        : []),
      `    ${words[language].choices}: ${command}`,
    ]
  })
}

/** Questions that what has changed since the plan helps to answer. */
const drifts: ReadonlySet<string> = new Set(['assumption', 'drift', 'held'])

function factLines({ reason }: Question, name: string, fact: unknown, language: Language): string[] {
  if (reason === 'assumption' && name === 'broken') return brokenLines(fact, language)
  if (reason === 'changed' && name === 'changed') return changedLines(fact, language)
  const all = Array.isArray(fact) ? (fact as unknown[]) : [fact]
  return all.map((one) => cut(`    ${name}: ${told(one)}`, pageWidth))
}

function brokenLines(fact: unknown, language: Language): string[] {
  const broken = fact as { assumption: Assumption; why: string; whyKo?: string }[]
  return broken.flatMap(({ assumption: { subject, statement }, why, whyKo = why }) => {
    const said = language === 'ko' ? whyKo : why
    const line = `${subject}: ${inLanguage(statement, language)}: ${said}`
    return wrap(line, pageWidth - 4).map((text) => `    ${text}`)
  })
}

/** The instructions of a manual step are in both languages. */
function questionText({ text, facts }: Question, language: Language): string {
  const said = (facts['instructions'] as { [in_ in Language]?: unknown } | undefined)?.[language]
  return typeof said === 'string' ? said : inLanguage(text, language)
}

/** What somebody changed since a step: whole, because people decide by it. */
function changedLines(fact: unknown, language: Language): string[] {
  const say = words[language]
  const under = (text: string, indent: string) =>
    wrap(text, pageWidth - indent.length).map((line) => indent + line)
  return (fact as { target: string; left: unknown; found: unknown }[]).flatMap(({ target, left, found }) => [
    ...under(target, '    '),
    ...under(`${say.left}: ${told(left)}`, '      '),
    ...under(`${say.found}: ${told(found)}`, '      '),
  ])
}

function told(fact: unknown): string {
  return typeof fact === 'string' ? fact : JSON.stringify(fact)
}
