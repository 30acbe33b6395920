import type { Plan } from '#plan/plan.ts'
import type { Change } from '#runbook/step-type.ts'
import { inLanguage, type Language } from './language.ts'
import { paint, type Paint } from './paint.ts'
import { pageWidth } from './table.ts'
import { dayAndTime } from './time.ts'
import { pad, wrap } from './width.ts'

const words = {
  ko: {
    title: '바뀌는 것',
    seen: '확인 시각',
    none: '아무것도 바뀌지 않음',
    nowhere: '공통',
    exact: '확정',
    predicted: '예상',
    opaque: '확인 불가',
    refused: '대상이 거부함',
    nothing: '없음',
  },
  en: {
    title: 'What changes',
    seen: 'seen',
    none: 'nothing changes',
    nowhere: 'whole plan',
    exact: 'exact',
    predicted: 'predicted',
    opaque: 'opaque',
    refused: 'the target refuses it',
    nothing: 'none',
  },
} as const

const paints: Record<Change['certainty'], Paint> = { exact: 'green', predicted: 'cyan', opaque: 'yellow' }

interface Placed {
  node: string
  system: string | null
  change: Change
}

/** What a plan changes, as the world was when it was made: by site and system, each with before and after. */
export function changeLines(plan: Plan, language: Language): string[] {
  const say = words[language]
  const placed = placedChanges(plan)
  const head = `${say.title} (${say.seen} ${dayAndTime(plan.observed.at)} KST; ${countsOf(placed, language)})`
  if (placed.length === 0) return [paint('cyan', head), `  ${say.none}`]
  const lines = [paint('cyan', head)]
  for (const [site, here] of groups(placed, ({ change }) => change.site ?? plan.subject.toSite)) {
    lines.push(`  ${paint('bold', site)}`)
    for (const [system, own] of groups(here, (one) => one.system ?? say.nowhere)) {
      lines.push(`    ${paint('bold', system)}`, ...own.flatMap((one) => linesOf(one, language)))
    }
  }
  return lines
}

function placedChanges({ subject, observed }: Plan): Placed[] {
  return subject.nodes.flatMap(({ id, system }) =>
    (observed.changes[id] ?? []).map((change) => ({ node: id, system, change })),
  )
}

function countsOf(placed: readonly Placed[], language: Language): string {
  const say = words[language]
  const count = (of: (change: Change) => boolean) => placed.filter(({ change }) => of(change)).length
  const refused = count((change) => change.refused !== undefined)
  return [
    ...(['exact', 'predicted', 'opaque'] as const).map(
      (certainty) => `${say[certainty]} ${count((change) => change.certainty === certainty)}`,
    ),
    ...(refused === 0 ? [] : [`${say.refused} ${refused}`]),
  ].join(', ')
}

function groups<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, keyOf)
}

function linesOf({ node, system, change }: Placed, language: Language): string[] {
  const say = words[language]
  const step = system !== null && node.startsWith(`${system}/`) ? node.slice(system.length + 1) : node
  const what = change.target === node ? '' : change.target
  const label = paint(paints[change.certainty], say[change.certainty])
  const why = change.why === undefined ? '' : `: ${inLanguage(change.why, language)}`
  const indented = (text: string) => wrap(text, pageWidth - 10).map((line) => `          ${line}`)
  const [first = '', ...rest] = wrap(what, pageWidth - 19)
  return [
    `      ${pad(step, 12)} ${first}`.trimEnd(),
    ...rest.map((line) => `          ${line}`),
    ...differences(change, say.nothing).flatMap(indented),
    ...(change.certainty === 'exact' && why === ''
      ? []
      : indented(`${say[change.certainty]}${why}`).map((line, index) =>
          index === 0 ? line.replace(say[change.certainty], label) : line,
        )),
    ...(change.refused === undefined
      ? []
      : indented(`${say.refused}: ${change.refused}`).map((line) => paint('red', line))),
  ]
}

/** Field by field where both sides have fields, else the whole; only what differs. */
function differences({ before, after }: Change, nothing: string): string[] {
  if (before === undefined && after === undefined) return []
  const shown = (value: unknown): string => {
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return nothing
    if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ')
    return typeof value === 'string' ? value : JSON.stringify(value)
  }
  if (!isFields(before ?? {}) || !isFields(after)) return [`${shown(before)} → ${shown(after)}`]
  const old = (before ?? {}) as Record<string, unknown>
  return Object.entries(after)
    .filter(([name, value]) => JSON.stringify(old[name]) !== JSON.stringify(value))
    .map(([name, value]) => `${name}: ${shown(old[name])} → ${shown(value)}`)
}

/** One change in a line: what, from what to what, and how sure that is. */
export function changeText(change: Change, language: Language): string {
  const say = words[language]
  const values = differences(change, say.nothing).join(', ')
  const refused = change.refused === undefined ? '' : `; ${say.refused}: ${change.refused}`
  return `${change.target}${values === '' ? '' : ` ${values}`} (${say[change.certainty]})${refused}`
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
