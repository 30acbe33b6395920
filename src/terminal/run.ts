import type { JournalEntry, NodeView, RunDetail, SystemTimes } from '#api/schema/run.ts'
import { findingLines } from './finding.ts'
import { gateLines } from './gate.ts'
import { inLanguage, type Language } from './language.ts'
import { paint, paintOfState } from './paint.ts'
import { stateOf } from './node-state.ts'
import { questionLines } from './question.ts'
import { pageWidth, table } from './table.ts'
import { dayAndTime, timeOfDay } from './time.ts'
import { cut, displayWidth, pad, wrap } from './width.ts'

const words = {
  ko: {
    run: '실행',
    state: '상태',
    requester: '요청자',
    reason: '사유',
    created: '요청 시각',
    ended: '종료 시각',
    steps: '단계',
    children: '시스템별 실행',
    parent: '소속 실행',
    of: '/',
    waiting: '기다리는 것',
    behind: '앞 단계 대기',
    gate: '승인',
    skipped: '건너뛴 단계',
    paused: '일시 정지',
    pausedWithFleet: '함께 정지',
    canceling: '취소 중',
    rollingBack: '되돌리는 중',
    left: '그대로 둔 것',
    debts: '차단 미이행',
    question: '결정이 필요한 질문',
    id: '단계',
    type: '종류',
    what: '내용',
    attempt: '시도',
    times: ['시스템', '감지', '선언', '승인', '차단', '승격', '기동', '검증', '개통'],
  },
  en: {
    run: 'run',
    state: 'state',
    requester: 'requester',
    reason: 'reason',
    created: 'requested',
    ended: 'ended',
    steps: 'steps',
    children: 'runs',
    parent: 'part of',
    of: 'of',
    waiting: 'Waiting',
    behind: 'need steps before them',
    gate: 'gate',
    skipped: 'Skipped by people',
    paused: 'paused',
    pausedWithFleet: 'fleet paused',
    canceling: 'canceling',
    rollingBack: 'rolling back',
    left: 'Left as it is',
    debts: 'Fence debts',
    question: 'A person has to answer',
    id: 'node',
    type: 'type',
    what: 'message',
    attempt: 'try',
    times: ['system', 'detected', 'declared', 'approved', 'fenced', 'promoted', 'up', 'verified', 'open'],
  },
} as const

/** A run for a person: head, gates, what waits for what, questions, times per system, nodes. */
export function runLines(run: RunDetail, language: Language): string[] {
  const say = words[language]
  const field = (name: string, text: string) => `${pad(`${name}:`, 12)} ${text}`
  return [
    field(say.run, paint('bold', run.id)),
    field(say.state, painted(run.state)),
    field(say.requester, `${run.requester}, ${dayAndTime(run.createdAt)} KST`),
    ...fields(say.reason, run.reason),
    ...saidLines(run, language),
    ...(run.endedAt === null ? [] : [field(say.ended, `${dayAndTime(run.endedAt)} KST`)]),
    field(say.steps, `${run.nodesDone} ${say.of} ${run.nodes}`),
    ...(run.children.length === 0 ? [] : [field(say.children, childrenLine(run))]),
    ...(run.parent === null ? [] : [field(say.parent, run.parent)]),
    ...run.gates.flatMap((gate) =>
      gateLines(gate, language).flatMap((line, at) => (at === 0 ? fields(say.gate, line) : [line])),
    ),
    ...findingLines(run.findings, language),
    ...section(say.question, questionLines(run, language)),
    ...section(say.waiting, waitingLines(run, language)),
    ...section(say.skipped, skippedLines(run)),
    ...section(
      say.left,
      run.left.flatMap(({ node, why }) => named(node, inLanguage(why, language))),
    ),
    ...section(
      say.debts,
      run.fenceDebts.map(
        (debt) => `  ${pad(debt.system, 6)} ${dayAndTime(debt.since)} KST, ${debt.by.join(', ')}`,
      ),
    ),
    '',
    ...(run.mode === 'failover' && !isFleet(run) ? [...timesTable(run.times, language), ''] : []),
    ...nodeTable(run, language),
  ]
}

function isFleet({ graph }: RunDetail): boolean {
  return graph.some(({ type }) => type === 'run')
}

/** How many of the runs of a fleet are in which state. */
function childrenLine({ children }: RunDetail): string {
  const states = Map.groupBy(children, ({ state }) => state)
  return [...states].map(([state, runs]) => `${runs.length} ${state}`).join(', ')
}

/** Who holds the run back, or ends it, and why. */
export function saidLines(
  run: Pick<RunDetail, 'paused' | 'pausedWithFleet' | 'canceling' | 'rollingBack'>,
  language: Language,
): string[] {
  const say = words[language]
  return (['paused', 'pausedWithFleet', 'canceling', 'rollingBack'] as const).flatMap((name) => {
    const said = run[name]
    if (said === null) return []
    return fields(say[name], `${said.by}, ${dayAndTime(said.at)} KST: ${said.reason}`)
  })
}

/** A field of the head, whole. */
function fields(name: string, text: string): string[] {
  return wrap(text, pageWidth - 13).map((line, at) => `${pad(at === 0 ? `${name}:` : '', 12)} ${line}`)
}

/** A name, and beside it a text: whole, because people decide by it. A long name has a line of its own. */
function named(name: string, text: string, width: number = pageWidth): string[] {
  const lines = wrap(text, Math.max(20, width - 27)).map((line) => `${' '.repeat(27)}${line}`)
  if (displayWidth(name) > 24) return [`  ${name}`, ...lines]
  return lines.map((line, at) => (at === 0 ? `  ${pad(name, 24)} ${line.slice(27)}` : line))
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', paint('cyan', title), ...lines]
}

function painted(state: string): string {
  const colour = paintOfState(state)
  return colour === undefined ? state : paint(colour, state)
}

function skippedLines({ graph }: Pick<RunDetail, 'graph'>): string[] {
  return graph.flatMap(({ id, skipped }) => (skipped ? named(id, `${skipped.by}: ${skipped.reason}`) : []))
}

/**
 * What the run waits for: nodes with the same reasons are one line. Those that wait for other steps only are counted;
 * the table of nodes has each.
 */
export function waitingLines(
  run: Pick<RunDetail, 'graph'>,
  language: Language,
  width: number = pageWidth,
): string[] {
  const waiting = run.graph.filter(({ waitsFor }) => waitsFor.length > 0)
  const first = waiting.filter(({ waitReason }) => waitReason !== 'needs')
  const groups = Map.groupBy(first, ({ waitsFor }) =>
    waitsFor.map((text) => inLanguage(text, language)).join('; '),
  )
  const lines = [...groups].flatMap(([why, nodes]) => {
    const names = nodes.slice(0, 3).map(({ id }) => id)
    const more = nodes.length > 3 ? ` +${nodes.length - 3}` : ''
    return named(names.join(', ') + more, why, width)
  })
  const behind = waiting.length - first.length
  return behind === 0 ? lines : [...lines, `  ${pad(`+${behind}`, 24)} ${words[language].behind}`]
}

function timesTable(times: readonly SystemTimes[], language: Language): string[] {
  const titles = words[language].times
  const steps = ['detected', 'declared', 'approved', 'fenced', 'promoted', 'up', 'verified', 'open'] as const
  return table<SystemTimes>(
    [
      { title: titles[0], text: (row) => row.system },
      ...steps.map((step, index) => ({
        title: titles[index + 1] ?? step,
        text: (row: SystemTimes) => timeOfDay(row[step]),
      })),
    ],
    times,
  )
}

function nodeTable(run: RunDetail, language: Language): string[] {
  const say = words[language]
  return table<NodeView>(
    [
      { title: say.id, text: (node) => node.id },
      { title: say.type, text: (node) => node.type },
      {
        title: say.state,
        text: (node) => stateOf(run, node),
        paint: (node) => paintOfState(stateOf(run, node)),
      },
      { title: say.attempt, text: (node) => String(node.attempt) },
      { title: say.ended, text: (node) => timeOfDay(node.endedAt) },
      {
        title: say.what,
        text: (node) =>
          [...node.waitsFor, node.message]
            .map((text) => inLanguage(text, language))
            .filter(Boolean)
            .join('; '),
        wrap: true,
      },
    ],
    run.graph,
  )
}

/** One entry of the journal as one line. */
export function entryLine(entry: JournalEntry, language: Language): string {
  const who = entry.node ?? '-'
  const state = entry.state ?? entry.kind
  const colour = paintOfState(state)
  const label = pad(state, 14)
  const attempt = entry.attempt === null || entry.attempt < 2 ? '' : ` #${entry.attempt}`
  const message = inLanguage(entry.message, language)
  const head = `${timeOfDay(entry.at)}  ${pad(`${who}${attempt}`, 22)} `
  return `${head}${colour === undefined ? label : paint(colour, label)} ${cut(message, Math.max(10, pageWidth - 48))}`.trimEnd()
}
