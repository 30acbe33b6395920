import type { PlanDiff } from '#client/plan-diff.ts'
import type { Difference } from '#model/difference.ts'
import type { Language } from './language.ts'
import { paint } from './paint.ts'
import { pageWidth } from './table.ts'
import { wrap } from './width.ts'

const words = {
  ko: {
    same: '같은 계획입니다. 요약값',
    differs: '서로 다른 계획입니다.',
    head: '계획 전체',
    systems: '시스템',
    order: '순서 (단계 묶음)',
    steps: '단계',
    assumptions: '전제',
    none: '없음',
  },
  en: {
    same: 'The same plan. Digest',
    differs: 'The plans differ.',
    head: 'The whole',
    systems: 'Systems',
    order: 'Order (wave)',
    steps: 'Steps',
    assumptions: 'Assumptions',
    none: 'none',
  },
} as const

/** What differs between two plans: `-` is only in the first, `+` only in the second, `~` is in both and changed. */
export function planDiffLines(diff: PlanDiff, language: Language): string[] {
  const say = words[language]
  const { head, systems, order, steps, assumptions, digests } = diff
  if (diff.same) return [`${say.same}: ${digests.a}`]
  const onlyIn = (mark: '-' | '+', names: readonly string[]) =>
    names.flatMap((name) =>
      indented(`${mark} ${name}`).map((line) => paint(mark === '-' ? 'red' : 'green', line)),
    )
  const changed = (list: readonly Difference[]) =>
    list.flatMap(({ name, a, b }) => indented(`~ ${name}: ${shown(a, say.none)} → ${shown(b, say.none)}`))
  const statements = (list: PlanDiff['assumptions']['onlyA']) =>
    list.map(({ kind, statement }) => `${kind}: ${statement[language]}`)
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', paint('cyan', title), ...lines]
  return [
    paint('bold', say.differs),
    `  - ${digests.a}`,
    `  + ${digests.b}`,
    ...section(say.head, changed(head)),
    ...section(say.systems, [...onlyIn('-', systems.onlyA), ...onlyIn('+', systems.onlyB)]),
    ...section(say.order, changed(order)),
    ...section(say.steps, [
      ...onlyIn('-', steps.onlyA),
      ...onlyIn('+', steps.onlyB),
      ...steps.changed.flatMap(({ id, fields }) =>
        changed(fields.map((field) => ({ ...field, name: `${id} ${field.name}` }))),
      ),
    ]),
    ...section(say.assumptions, [
      ...onlyIn('-', statements(assumptions.onlyA)),
      ...onlyIn('+', statements(assumptions.onlyB)),
      ...changed(assumptions.changed),
    ]),
  ]
}

function indented(text: string): string[] {
  return wrap(text, pageWidth - 4).map((line, at) => `${at === 0 ? '  ' : '    '}${line}`)
}

function shown(value: unknown, none: string): string {
  if (value === undefined || value === null) return none
  return typeof value === 'string' ? value : JSON.stringify(value)
}
