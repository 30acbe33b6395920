import type { NodeView, RunDetail } from '#api/schema/run.ts'
import type { Language } from './language.ts'
import { paint } from './paint.ts'
import { pageWidth } from './table.ts'
import { cut, wrap } from './width.ts'

type Question = NonNullable<RunDetail['question']>

const words = {
  ko: { choices: '답', left: '남긴 값', found: '현재 값' },
  en: { choices: 'answers', left: 'was left', found: 'is there' },
} as const

/** Questions to a person, with the command that answers. */
export function questionLines(
  run: Pick<RunDetail, 'id' | 'question'> & { graph: readonly Pick<NodeView, 'id' | 'question'>[] },
  language: Language,
): string[] {
  const asked: [string | null, Question | null][] = [
    [null, run.question],
    ...run.graph.map((node): [string, Question | null] => [node.id, node.question]),
  ]
  return asked.flatMap(([node, question]) => {
    if (question === null) return []
    const command = `haetae run decide ${run.id}${node === null ? '' : ` --node ${node}`} --answer ${question.choices.join('|')}`
    return [
      `  ${paint('yellow', node ?? run.id)} (${question.reason})`,
      ...wrap(questionText(question, language), pageWidth - 4).map((line) => `    ${line}`),
      ...Object.entries(question.facts).flatMap(([name, fact]) =>
        name === 'changed' ? changedLines(fact, language) : [cut(`    ${name}: ${told(fact)}`, pageWidth)],
      ),
      `    ${words[language].choices}: ${command}`,
    ]
  })
}

/** The instructions of a manual step are in both languages; what the engine itself asks is in English. */
function questionText({ text, facts }: Question, language: Language): string {
  const said = (facts['instructions'] as { [in_ in Language]?: unknown } | undefined)?.[language]
  return typeof said === 'string' ? said : text
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
