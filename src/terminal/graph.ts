import type { StepView } from '#api/schema/estate.ts'
import type { Language } from './language.ts'
import { paint } from './paint.ts'
import { pageWidth } from './table.ts'
import { cut, pad } from './width.ts'

/**
 * Steps as rows of a graph, each row what can run together once the rows above are done. A step says after which
 * others it comes.
 */
export function graphLines(all: readonly StepView[], language: Language): string[] {
  const ending = all.filter((step) => step.finally === true)
  const steps = all.filter((step) => step.finally !== true)
  return [
    ...rowsOf(steps, language),
    ...(ending.length === 0
      ? []
      : [paint('dim', language === 'ko' ? '   ┆ 마지막에 항상' : '   ┆ at the end, whatever happened')]),
    ...(ending.length === 0 ? [] : rowsOf(ending, language)),
  ]
}

function rowsOf(steps: readonly StepView[], language: Language): string[] {
  const level = levelsOf(steps)
  const deepest = Math.max(0, ...level.values())
  const idWidth = Math.max(...steps.map((step) => step.id.length), 4)
  return Array.from({ length: deepest + 1 }, (_, depth) =>
    steps.filter((step) => level.get(step.id) === depth),
  ).flatMap((row, depth) => [
    ...(depth === 0 ? [] : [paint('dim', '   │')]),
    ...row.map((step, index) => {
      const edge = row.length === 1 ? '───' : index === 0 ? '┬──' : index === row.length - 1 ? '└──' : '├──'
      const needs = step.needs.length === 0 ? '' : `  ← ${step.needs.join(', ')}`
      const kind = kindOf(step)
      const head = `${index === 0 ? pad(String(depth + 1), 2) : '  '} ${edge} ${pad(step.id, idWidth)}  `
      const mark = step.effect === 'point-of-no-return' ? ' !' : ''
      return `${cut(`${head}${pad(`${kind}${mark}`, 20)} ${step.title[language]}${needs}`, pageWidth)}`
    }),
  ])
}

/** What a step is, in a word or two. */
export function kindOf({ gate, type, calls, foreach }: StepView): string {
  if (gate !== null) return `${gate.purpose} ×${gate.quorum}`
  const kind = calls === undefined ? type : `→ ${calls}`
  return foreach === undefined ? kind : `${kind} ×n`
}

/** How many steps lie before each one, on the longest way. */
export function levelsOf(steps: readonly StepView[]): Map<string, number> {
  const byId = new Map(steps.map((step) => [step.id, step]))
  const level = new Map<string, number>()
  const depthOf = (id: string, way: ReadonlySet<string>): number => {
    const known = level.get(id)
    const step = byId.get(id)
    if (known !== undefined) return known
    if (step === undefined || way.has(id)) return -1
    const depth = Math.max(-1, ...step.needs.map((need) => depthOf(need, new Set([...way, id])))) + 1
    level.set(id, depth)
    return depth
  }
  for (const step of steps) depthOf(step.id, new Set())
  return level
}
