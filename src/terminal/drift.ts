import type { RunDrift } from '#api/schema/plan.ts'
import { differenceText } from '#model/difference.ts'
import { changeText } from './changes.ts'
import { inLanguage, type Language } from './language.ts'
import { paint } from './paint.ts'
import { lossText } from './plan-forecast.ts'
import { pageWidth } from './table.ts'
import { dayAndTime } from './time.ts'
import { wrap } from './width.ts'

const words = {
  ko: {
    since: '계획을 확인한 때',
    now: '지금',
    same: '바뀐 것이 없습니다.',
    broken: '더 이상 맞지 않는 전제: 승인이 무효가 됩니다',
    unproven: '전제를 확인할 수 없음',
    nodes: '이제 다르게 바꾸는 단계 (승인은 그대로)',
    losses: '예상 손실',
    parts: '승인된 것과 계획이 다른 시스템 (차례가 되면 보류)',
    otherwise: '바뀐 부분',
    nothing: '아무것도 바꾸지 않음',
    before: '그때',
  },
  en: {
    since: 'plan seen',
    now: 'now',
    same: 'Nothing has changed.',
    broken: 'Assumptions that hold no more: they void the approvals',
    unproven: 'Assumptions could not be proven',
    nodes: 'Steps that would change something else by now (approvals stand)',
    losses: 'Predicted loss',
    parts: 'Systems whose plan is another one than was approved (held back at their turn)',
    otherwise: 'parts that differ',
    nothing: 'it changes nothing',
    before: 'then',
  },
} as const

/** What has changed since a run's plan was made. */
export function driftLines(drift: RunDrift, language: Language): string[] {
  const say = words[language]
  const head = `${drift.run}: ${say.since} ${dayAndTime(drift.observedAt)} KST, ${say.now} ${dayAndTime(drift.now)} KST`
  if (isSame(drift)) return [head, say.same]
  const indented = (text: string, indent: number) =>
    wrap(text, pageWidth - indent).map((line) => `${' '.repeat(indent)}${line}`)
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', title, ...lines]
  const changes = (list: RunDrift['nodes'][number]['now']) =>
    list.map((change) => changeText(change, language)).join('; ') || say.nothing
  return [
    head,
    ...section(
      paint('red', say.broken),
      drift.broken.flatMap(({ subject, statement, why }) =>
        indented(`${subject}: ${inLanguage(statement, language)}: ${inLanguage(why, language)}`, 2),
      ),
    ),
    ...section(paint('yellow', say.unproven), drift.unproven === null ? [] : indented(drift.unproven, 2)),
    ...section(
      paint('cyan', say.nodes),
      drift.nodes.flatMap(({ node, before, now }) => [
        `  ${node}`,
        ...indented(`${say.before}: ${changes(before)}`, 4),
        ...indented(`${say.now}: ${changes(now)}`, 4),
      ]),
    ),
    ...section(
      paint('yellow', say.parts),
      drift.parts.flatMap(({ node, changed, differs, unplanned }) => [
        `  ${node}`,
        ...(unplanned === null ? [] : indented(inLanguage(unplanned, language), 4)),
        ...differs.flatMap((one) => indented(differenceText(one), 4)),
        ...(changed.length === 0 ? [] : indented(`${say.otherwise}: ${changed.join(', ')}`, 4)),
      ]),
    ),
    ...section(
      paint('cyan', say.losses),
      drift.losses.flatMap(({ system, before, now }) =>
        indented(
          `${system}: ${before === null ? '-' : lossText(before, language)} → ${lossText(now, language)}`,
          2,
        ),
      ),
    ),
  ]
}

/** Whether nothing has changed, as far as it could be looked at. */
export function isSame({ broken, unproven, nodes, losses, parts }: RunDrift): boolean {
  return broken.length === 0 && unproven === null && [nodes, losses, parts].every((list) => list.length === 0)
}
