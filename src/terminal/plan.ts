import { countOf } from '#model/count-of.ts'
import type { Plan, PlanNode, SystemForecast } from '#plan/plan.ts'
import { changeLines } from './changes.ts'
import { inLanguage, type Language } from './language.ts'
import { bullet } from './bullet.ts'
import { fleetChangeLines } from './fleet-changes.ts'
import { paint, paintOfState } from './paint.ts'
import { forecastLines, predictedLine } from './plan-forecast.ts'
import { pageWidth } from './table.ts'
import { span } from './time.ts'
import { cut, pad } from './width.ts'

const words = {
  ko: {
    failover: '재해 전환 계획',
    operation: '운영 작업 계획',
    systems: (count: number) => `${count} 시스템`,
    order: '실행 순서',
    wave: '단계 묶음',
    gates: '사람의 결정',
    assumptions: '전제 (시작할 때와 되돌릴 수 없는 단계 직전에 다시 확인)',
    notes: '제외된 것과 알아 둘 것',
    digest: '요약값 (승인이 묶임)',
    target: '목표',
    after: '다음:',
    people: '명 서명',
    nobody: '없음: 요청하면 바로 시작함',
    ofFleet: '일괄 전환의 결정을 따름: 거기서 차례가 되면 시작함',
    input: '입력',
    stays: '옮길 수 없는 것',
    full: '온전히',
    limited: '제한적으로',
    'not-recoverable': '복구 불가',
    noData: '데이터 없음',
    more: (count: number) => `그 밖에 ${count}건`,
  },
  en: {
    failover: 'Failover plan',
    operation: 'Operation plan',
    systems: (count: number) => countOf(count, 'system'),
    order: 'Ordered actions',
    wave: 'wave',
    gates: 'Decisions of people',
    assumptions: 'Assumptions (checked again at start and before every point of no return)',
    notes: 'Left out, and worth knowing',
    digest: 'Digest (approvals bind to it)',
    target: 'target',
    after: 'after',
    people: 'people sign',
    nobody: 'none: it begins when it is requested',
    ofFleet: 'those of its fleet: it begins when its turn comes there',
    input: 'input',
    noData: 'no data',
    more: (count: number) => `and ${count} more`,
    stays: 'stays behind',
    full: 'full',
    limited: 'limited',
    'not-recoverable': 'not recoverable',
  },
} as const

const notesAtMost = 40

/** A plan for a person who has to sign it: actions by wave, what they change, assumptions, forecast, what is left out, digest. */
export function planLines(plan: Plan, language: Language): string[] {
  const say = words[language]
  const { subject, systems } = plan
  const gates = subject.nodes.filter((node) => node.gate !== null)
  // Wave 0: what cannot go; it is shown after what goes.
  const waves = [...new Set(systems.map((one) => one.wave))].toSorted(
    (a, b) => (a || Infinity) - (b || Infinity),
  )
  const going = systems.filter((one) => one.wave > 0).length
  const isFleet = subject.nodes.some(({ waitFor }) => waitFor?.kind === 'run')
  const whole = subject.nodes.filter((node) => node.system === null && node.gate === null)
  return [
    paint('bold', `${say[subject.mode]}: ${aboutOf(subject)}, ${say.systems(going)}`),
    ...inputLines(subject.inputs, language),
    '',
    heading(say.gates),
    ...(gates.length === 0 ? [`  ${subject.mode === 'failover' ? say.ofFleet : say.nobody}`] : []),
    ...gates.map((node) =>
      cut(`  ${pad(node.id, 12)} ${node.gate?.quorum} ${say.people}: ${node.title[language]}`, pageWidth),
    ),
    '',
    heading(say.order),
    ...whole.map((node) => nodeLine(node, language)),
    ...waves.flatMap((wave) => [
      `  ${paint('bold', wave === 0 ? say.stays : `${say.wave} ${wave}`)}`,
      ...systems.filter((one) => one.wave === wave).flatMap((one) => systemLines(one, plan, language)),
    ]),
    '',
    ...(isFleet ? fleetChangeLines(plan, language) : changeLines(plan, language)),
    '',
    ...forecastLines(plan, language),
    heading(say.assumptions),
    ...subject.assumptions.flatMap((one) => bullet(`${one.subject}: ${one.statement[language]}`)),
    '',
    ...(plan.notes.length === 0 ? [] : [heading(say.notes), ...noteLines(plan.notes, language), '']),
    `${say.digest}: ${plan.digest}`,
  ]
}

/** Of hundreds of systems there are hundreds of notes: the first ones, and how many more. */
function noteLines(notes: Plan['notes'], language: Language): string[] {
  const shown = notes.slice(0, notesAtMost).flatMap((note) => bullet(inLanguage(note, language)))
  const more = notes.length - notesAtMost
  return more > 0 ? [...shown, ...bullet(`${words[language].more(more)} (--json)`)] : shown
}

/** Where something is done: from one site to another, or at one. */
export function placeOf({ fromSite, toSite }: { fromSite?: string | null; toSite: string }): string {
  return fromSite == null ? toSite : `${fromSite} → ${toSite}`
}

/** What is done where: an operation is known by its runbook, a failover by its sites. */
function aboutOf(subject: Plan['subject']): string {
  if (subject.mode === 'failover') return placeOf(subject)
  return `${Object.keys(subject.runbooks).join(', ')}, ${placeOf(subject)}`
}

function inputLines(inputs: Plan['subject']['inputs'], language: Language): string[] {
  return Object.entries(inputs).map(([name, value]) =>
    cut(`  ${words[language].input} ${name}: ${JSON.stringify(value)}`, pageWidth),
  )
}

function heading(text: string): string {
  return paint('cyan', text)
}

function systemLines(forecast: SystemForecast, plan: Plan, language: Language): string[] {
  const say = words[language]
  const { recoverability, system, rtoTargetMs, rpoTargetMs } = forecast
  const rpo = rpoTargetMs === null ? say.noData : `RPO ${span(rpoTargetMs)}`
  const targets = `${say.target} RTO ${span(rtoTargetMs)}, ${rpo}`
  // Targets are of a recovery: an operation has none.
  const verdict =
    recoverability === undefined
      ? ''
      : ` ${painted(recoverability, say[recoverability])}  ${paint('dim', targets)}`
  const head = `    ${paint('bold', pad(system, 5))}${verdict}`
  return [
    head,
    ...predictedLine(forecast, plan, language),
    ...forecast.why.flatMap((why) => bullet(inLanguage(why, language), 6)),
    ...plan.subject.nodes
      .filter((node) => node.system === forecast.system && node.gate === null)
      .map((node) => nodeLine(node, language)),
  ]
}

function painted(state: string, text: string): string {
  const colour = paintOfState(state)
  return colour === undefined ? text : paint(colour, text)
}

function nodeLine(node: PlanNode, language: Language): string {
  const needs = node.needs.length === 0 ? '' : `  ${words[language].after} ${node.needs.join(', ')}`
  const line = `      ${pad(node.id, 20)} ${pad(node.type, 18)} ${node.title[language]}${needs}`
  return cut(line, pageWidth)
}
