import type { NodeView, RunDetail, SystemTimes } from '#api/schema/run.ts'
import { countOf } from '#model/count-of.ts'
import { doneNodeStates, terminalNodeStates } from '#model/states.ts'
import { inLanguage, type Language } from './language.ts'
import { stateOf } from './node-state.ts'
import { paint, paintOfState, type Paint } from './paint.ts'
import { pageWidth } from './table.ts'
import { span } from './time.ts'
import { cut, pad } from './width.ts'

const words = {
  ko: {
    steps: (done: number, all: number) => `${all}단계 중 ${done}단계`,
    since: (time: string) => `요청 후 ${time}`,
    wave: '단계군',
    ended: (done: number, all: number) => `${all}개 중 ${done}개 끝남`,
    done: '끝남',
    of: (time: string, target: string) => `${time} / RTO ${target}`,
    over: '초과',
    more: (n: number) => `  … 시스템 ${n}개 더 있음`,
  },
  en: {
    steps: (done: number, all: number) => `${done} of ${all} steps`,
    since: (time: string) => `${time} since it was requested`,
    wave: 'wave',
    ended: (done: number, all: number) => `${done} of ${all} ended`,
    done: 'done',
    of: (time: string, target: string) => `${time} of RTO ${target}`,
    over: 'over',
    more: (n: number) => `  … and ${countOf(n, 'more system')}`,
  },
} as const

/** One system of a run, as far as it has come. */
interface Row {
  system: string
  wave: number
  /** Its nodes have ended, those of a clean-up aside. */
  ended: boolean
  state: string
  text: string
  takenMs: number
  targetMs: number | null
}

/**
 * A run at a glance: its head, and by waves every system with what it does or waits for, and its time against its RTO.
 * `nowMs` is by the daemon's clock. At most `rows` lines: systems that a person is asked about come first, then those at
 * work, and those that have ended give way.
 */
export function boardLines(
  run: RunDetail,
  nowMs: number,
  language: Language,
  rows: number,
  width: number = pageWidth,
): string[] {
  const say = words[language]
  const state = paint(paintOfState(run.state) ?? 'bold', run.state)
  const since = say.since(
    span((run.endedAt === null ? nowMs : Date.parse(run.endedAt)) - Date.parse(run.createdAt)),
  )
  const head = `${paint('bold', run.id)}  ${state}  ${say.steps(run.nodesDone, run.nodes)}  ${since}`
  const systems = rowsOf(run, nowMs, language)
  const waves = [...new Set(systems.map(({ wave }) => wave))]
  const room = rows - 1 - waves.length
  const shown = systems.length <= room ? systems : byUrgency(systems).slice(0, Math.max(0, room - 1))
  const hidden = systems.length - shown.length
  return [
    head,
    ...waves.flatMap((wave) => {
      const all = systems.filter((row) => row.wave === wave)
      const title = `${say.wave} ${wave}`
      return [
        `${paint('cyan', title)}  ${say.ended(all.filter((row) => row.ended).length, all.length)}`,
        ...all.filter((row) => shown.includes(row)).map((row) => rowLine(row, language, width)),
      ]
    }),
    ...(hidden > 0 ? [say.more(hidden)] : []),
  ]
}

/** A line for a system that has just come to its end, for those who read lines instead of a board. */
export function milestone(
  run: RunDetail,
  system: string,
  nowMs: number,
  language: Language,
): string | undefined {
  const row = rowsOf(run, nowMs, language).find((one) => one.system === system)
  return row?.ended === true ? rowLine(row, language) : undefined
}

/** Systems of a run that have come to their end. */
export function endedSystems(run: RunDetail): string[] {
  return run.times.flatMap(({ system }) => (nodesOf(run, system).every(hasEnded) ? [system] : []))
}

function nodesOf(run: RunDetail, system: string): NodeView[] {
  return run.graph.filter((node) => node.system === system)
}

function hasEnded(node: NodeView): boolean {
  return terminalNodeStates.has(node.state)
}

function rowsOf(run: RunDetail, nowMs: number, language: Language): Row[] {
  const bySystem = Map.groupBy(run.graph, (node) => node.system)
  return run.times.map((times) => {
    const nodes = bySystem.get(times.system) ?? []
    const ended = nodes.every(hasEnded)
    const { state, text } = ended ? ending(run, nodes, language) : doing(nodes, nowMs, language)
    return {
      ...{ system: times.system, wave: times.wave, ended, state, text },
      takenMs: Math.max(0, endOf(times, nodes, ended, nowMs) - Date.parse(times.detected ?? run.createdAt)),
      targetMs: times.rtoTargetMs,
    }
  })
}

/** The clock of a system stops when citizens reach it again, or with its last step where nothing opens. */
function endOf(times: SystemTimes, nodes: readonly NodeView[], ended: boolean, nowMs: number): number {
  if (times.open !== null) return Date.parse(times.open)
  const ends = nodes.flatMap(({ endedAt }) => (endedAt === null ? [] : [Date.parse(endedAt)]))
  return ended && ends.length > 0 ? Math.max(...ends) : nowMs
}

function ending(run: RunDetail, nodes: readonly NodeView[], language: Language): Pick<Row, 'state' | 'text'> {
  const left = nodes.filter((node) => !doneNodeStates.has(node.state))
  const worst = left.find((node) => node.state === 'failed') ?? left[0]
  if (worst === undefined) return { state: 'succeeded', text: words[language].done }
  const state = stateOf(run, worst)
  return { state, text: `${stepOf(worst)} ${state}` }
}

function doing(nodes: readonly NodeView[], nowMs: number, language: Language): Pick<Row, 'state' | 'text'> {
  const asked = nodes.find((node) => node.state === 'needs-person')
  if (asked !== undefined) return { state: asked.state, text: `${stepOf(asked)} ${asked.state}` }
  const busy = nodes.filter((node) => node.state === 'running' || node.state === 'unknown')
  if (busy.length > 0) {
    const names = busy.map((node) => {
      const begun = node.startedAt === null ? '' : ` ${span(Math.max(0, nowMs - Date.parse(node.startedAt)))}`
      const said = isOwnRun(node) ? inLanguage(node.message, language) : `${stepOf(node)} ${node.state}`
      return `${said}${begun}`
    })
    return {
      state: busy.some((node) => node.state === 'unknown') ? 'unknown' : 'running',
      text: names.join(', '),
    }
  }
  // What holds the others up is what needs no step of this system.
  const waiting = nodes.filter((node) => node.state === 'waiting')
  const first = waiting.find((node) => node.waitReason !== 'needs') ?? waiting[0]
  const why = first?.waitsFor.map((text) => inLanguage(text, language)).join('; ') ?? ''
  return { state: 'waiting', text: first === undefined ? '' : `${stepOf(first)}: ${why}` }
}

/** A system of a fleet: how far its run has come says more than that it goes on. */
function isOwnRun({ type, message }: NodeView): boolean {
  return type === 'run' && message !== null
}

function stepOf(node: NodeView): string {
  return node.system === null || node.id === node.system ? node.id : node.id.slice(node.system.length + 1)
}

function byUrgency(rows: readonly Row[]): Row[] {
  const order = ['needs-person', 'failed', 'unknown', 'running', 'waiting']
  const place = (row: Row) => (row.ended && row.state !== 'failed' ? order.length : order.indexOf(row.state))
  return rows.toSorted((a, b) => place(a) - place(b))
}

function rowLine(
  { system, state, text, takenMs, targetMs }: Row,
  language: Language,
  width: number = pageWidth,
): string {
  const say = words[language]
  const over = targetMs !== null && takenMs > targetMs
  const time = targetMs === null ? span(takenMs) : say.of(span(takenMs), span(targetMs))
  const colour: Paint | undefined = over
    ? 'red'
    : targetMs !== null && takenMs > targetMs * 0.8
      ? 'yellow'
      : undefined
  const clock = over ? `${time} (${say.over})` : time
  const room = Math.max(12, width - 36)
  const what = pad(cut(text, room), room)
  const how = paintOfState(state)
  return `  ${pad(system, 6)} ${how === undefined ? what : paint(how, what)} ${colour === undefined ? clock : paint(colour, clock)}`
}
