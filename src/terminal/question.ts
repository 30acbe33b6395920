import type { NodeView, RunDetail } from '#api/schema/run.ts'
import { countOf } from '#model/count-of.ts'
import { differenceText, type ApprovedDifference } from '#model/difference.ts'
import type { Assumption } from '#plan/plan.ts'
import { inLanguage, type Language } from './language.ts'
import { paint } from './paint.ts'
import { pageWidth } from './table.ts'
import { wrap } from './width.ts'

type Question = NonNullable<RunDetail['question']>

const words = {
  ko: { choices: '답하는 명령 (하나만)', left: '남긴 값', found: '현재 값', drift: '바뀐 것 확인' },
  en: { choices: 'answers (one of)', left: 'was left', found: 'is there', drift: 'what has changed' },
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
    const command = `haetae run decide ${run.id}${node === null ? '' : ` --node ${node}`}`
    return [
      `  ${paint('yellow', node ?? run.id)} (${question.reason})`,
      ...under(questionText(question, language)),
      ...Object.entries(question.facts).flatMap(([name, fact]) => factLines(question, name, fact, language)),
      ...(drifts.has(question.reason)
        ? [`    ${words[language].drift}: haetae run drift ${run.id}${site}`]
        : []),
      `    ${words[language].choices}:`,
      ...question.choices.map((choice) => `      ${command} --answer ${choice} --reason TEXT${site}`),
    ]
  })
}

/** Questions that what has changed since the plan helps to answer. */
const drifts: ReadonlySet<string> = new Set(['assumption', 'drift', 'held'])

function factLines(question: Question, name: string, fact: unknown, language: Language): string[] {
  const { reason } = question
  if (reason === 'assumption' && name === 'broken') return brokenLines(fact, language)
  if (reason === 'changed' && name === 'changed') return changedLines(fact, language)
  if (name === 'journal') return journalLines(fact, language)
  if (reason === 'drift') return driftFact(question, name, fact, language)
  return rawLines(name, fact)
}

/** What differs from what was approved, in words; digests where nothing else can be told. */
function driftFact({ facts }: Question, name: string, fact: unknown, language: Language): string[] {
  const { differs, more } = facts as { differs?: ApprovedDifference[]; more?: number }
  if (differs === undefined) return rawLines(name, fact)
  if (name === 'changed') {
    const parts = (fact as { part: string }[]).map(({ part }) => part).join(', ')
    return under(language === 'ko' ? `바뀐 부분: ${parts}` : `parts that differ: ${parts}`)
  }
  if (name !== 'differs') return []
  const rest = language === 'ko' ? `외 ${more}개` : `and ${more} more`
  return [...differs.map(differenceText), ...(more === undefined ? [] : [rest])].flatMap((line) =>
    under(line),
  )
}

function rawLines(name: string, fact: unknown): string[] {
  const all = Array.isArray(fact) ? (fact as unknown[]) : [fact]
  return all.flatMap((one) => under(`${name}: ${told(one)}`))
}

/** What the journal holds of the tries: how many, and why the last one failed. */
function journalLines(fact: unknown, language: Language): string[] {
  const { attempts, last } = fact as { attempts?: number; last?: LastTry | null }
  if (attempts === undefined || !last) return under(`journal: ${told(fact)}`)
  const tries = language === 'ko' ? `기록: 시도 ${attempts}회` : `journal: ${countOf(attempts, 'attempt')}`
  if (!last.failure) return under(`${tries} (${last.outcome})`)
  const { kind, message } = last.failure
  const failed = language === 'ko' ? '마지막 실패' : 'the last one failed'
  return under(`${tries}; ${failed} (${kind}): ${message}`)
}

interface LastTry {
  outcome: string
  failure?: Failure | null
}

interface Failure {
  kind: string
  message: string
}

function under(text: string, indent = '    '): string[] {
  return wrap(text, pageWidth - indent.length).map((line) => indent + line)
}

function brokenLines(fact: unknown, language: Language): string[] {
  const broken = fact as { assumption: Assumption; why: string; whyKo?: string }[]
  return broken.flatMap(({ assumption: { subject, statement }, why, whyKo = why }) => {
    const said = language === 'ko' ? whyKo : why
    return under(`${subject}: ${inLanguage(statement, language)}: ${said}`)
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
  return (fact as { target: string; left: unknown; found: unknown }[]).flatMap(({ target, left, found }) => [
    ...under(target),
    ...under(`${say.left}: ${told(left)}`, '      '),
    ...under(`${say.found}: ${told(found)}`, '      '),
  ])
}

function told(fact: unknown): string {
  return typeof fact === 'string' ? fact : JSON.stringify(fact)
}
