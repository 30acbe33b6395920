import type { LossForecast, Plan, SystemForecast } from '#plan/plan.ts'
import { bullet } from './bullet.ts'
import type { Language } from './language.ts'
import { paint } from './paint.ts'
import { span } from './time.ts'

const words = {
  ko: {
    predicted: '예상',
    takes: '소요',
    loss: '손실',
    untold: '알 수 없음',
    untoldOf: '건은 알 수 없음',
    nothing: '없음',
    about: '약',
    atMost: '최대',
    duration: '예상 소요 시간과 손실',
    whole: '전체',
    wave: '단계 묶음',
    systems: '시스템',
    until: '끝날 때까지',
    noPeople: '사람이 결정하는 시간은 들어 있지 않음',
    path: '시간을 정하는 순서',
    measured: '이전 실행에서 잰 값 (단계 수), 실행 수',
    fromLimits: '잰 값이 없어 한 번 시도의 제한 시간을 씀',
    beyond: '초과',
    within: '모두 목표 안',
    worst: '가장 큰 것',
    of: '중',
  },
  en: {
    predicted: 'predicted',
    takes: 'takes',
    loss: 'loses',
    untold: 'what cannot be told',
    untoldOf: 'of which it cannot be told',
    nothing: 'nothing',
    about: 'about',
    atMost: 'at most',
    duration: 'How long it takes and what is lost, predicted',
    whole: 'all of it',
    wave: 'wave',
    systems: 'systems',
    until: 'open after',
    noPeople: 'The time of people to decide is not in it.',
    path: 'decided by',
    measured: 'measured (steps), runs',
    fromLimits: 'not measured yet, so the limit of one try',
    beyond: 'beyond it',
    within: 'all within their target',
    worst: 'the worst',
    of: 'of',
  },
} as const

/** What will most likely be lost of a system and how long it takes, to be read beside its targets. */
export function predictedLine(of: SystemForecast, plan: Plan, language: Language): string[] {
  const { ms, loss } = predictedOf(of, plan)
  if (loss === undefined && ms === undefined) return []
  const say = words[language]
  const lost = loss === undefined ? [] : [`${say.loss} ${lossText(loss, language)}`]
  const text = [...(ms === undefined ? [] : [`${say.takes} ${span(ms)}`]), ...lost].join(', ')
  const lines = bullet(`${say.predicted}: ${text}`, 6)
  const worse = lossMs(loss) > (of.rpoTargetMs ?? 0) || (ms ?? 0) > of.rtoTargetMs
  return worse || loss?.seconds === null ? lines.map((line) => paint('yellow', line)) : lines
}

function predictedOf({ system }: SystemForecast, { observed: { forecast } }: Plan) {
  return { ms: forecast?.duration?.systems[system], loss: forecast?.loss[system] }
}

function lossMs(loss: LossForecast | undefined): number {
  return (loss?.seconds ?? 0) * 1000
}

export function lossText({ seconds, atMost, why }: LossForecast, language: Language): string {
  const say = words[language]
  if (seconds === null) return `${say.untold} (${why[language]})`
  if (seconds === 0) return `${say.nothing} (${why[language]})`
  return `${atMost ? say.atMost : say.about} ${seconds.toFixed(1)} s (${why[language]})`
}

/** How long the whole and each wave take and what is lost at worst, beside the targets; where the figures come from. */
export function forecastLines(plan: Plan, language: Language): string[] {
  const { forecast } = plan.observed
  if (forecast === undefined) return []
  const say = words[language]
  return [
    paint('cyan', say.duration),
    ...durationLines(plan, language),
    // Targets are of a recovery: an operation has none.
    ...(plan.subject.mode === 'failover' ? againstTargets(plan, language) : []),
    ...sources(plan, language),
    '',
  ]
}

function durationLines(plan: Plan, language: Language): string[] {
  const { duration } = plan.observed.forecast ?? {}
  if (duration === undefined) return []
  const say = words[language]
  return [
    ...bullet(`${say.whole}: ${span(duration.ms)}. ${say.noPeople}`),
    ...waveLines(plan, duration.systems, language),
    ...bullet(`${say.path}: ${pathText(duration.criticalPath)}`),
  ]
}

/** When the last system of each wave is open, where there are several. */
function waveLines({ systems }: Plan, ends: Record<string, number>, language: Language): string[] {
  const say = words[language]
  const going = systems.filter(({ system, wave }) => wave > 0 && ends[system] !== undefined)
  const waves = [...Map.groupBy(going, ({ wave }) => wave)].toSorted(([a], [b]) => a - b)
  if (waves.length < 2) return []
  return waves.flatMap(([wave, own]) => {
    const last = Math.max(...own.map(({ system }) => ends[system] ?? 0))
    return bullet(`${say.wave} ${wave} (${say.systems} ${own.length}): ${say.until} ${span(last)}`, 4)
  })
}

/** `AID/fence … traffic → GPK/check`: steps of one system that follow each other are told by the first and the last. */
function pathText(path: readonly string[]): string {
  const parts: { system: string; first: string; last: string }[] = []
  for (const id of path) {
    const [system = '', step] = id.split('/')
    const before = parts.at(-1)
    // The run of a system ends with its last step.
    if (before?.system === system) before.last = step ?? before.last
    else parts.push({ system, first: id, last: '' })
  }
  return parts.map(({ first, last }) => (last === '' ? first : `${first} … ${last}`)).join(' → ')
}

/** How many systems are beyond their RTO and RPO, and the worst. */
function againstTargets(plan: Plan, language: Language): string[] {
  const going = plan.systems.filter(({ wave }) => wave > 0)
  const all = going.map((of) => ({ ...of, ...predictedOf(of, plan) }))
  const timed = all.filter(({ ms }) => ms !== undefined)
  const lossy = all.filter(({ loss, rpoTargetMs }) => loss !== undefined && rpoTargetMs !== null)
  const untold = lossy.filter(({ loss }) => loss?.seconds === null).map(({ system }) => system)
  const say = words[language]
  return [
    ...compared(
      'RTO',
      timed.map(({ system, ms = 0, rtoTargetMs }) => [system, ms, rtoTargetMs]),
      language,
    ),
    ...compared(
      'RPO',
      lossy.flatMap(({ system, loss, rpoTargetMs }): Compared[] =>
        loss?.seconds === null ? [] : [[system, lossMs(loss), rpoTargetMs ?? 0]],
      ),
      language,
    ),
    ...(untold.length === 0
      ? []
      : bullet(`RPO: ${untold.length} ${say.untoldOf}: ${few(untold)}`).map((line) => paint('yellow', line))),
  ]
}

type Compared = [system: string, ms: number, target: number]

function compared(name: 'RTO' | 'RPO', all: readonly Compared[], language: Language): string[] {
  const say = words[language]
  const [worst] = all.toSorted(([, a, target], [, b, other]) => b - other - (a - target))
  if (worst === undefined) return []
  const beyond = all.filter(([, ms, target]) => ms > target)
  const [system, ms, target] = worst
  const most = `${say.worst} ${system}: ${span(ms)} (${name} ${span(target)})`
  if (beyond.length === 0) return bullet(`${name}: ${say.within}; ${most}`)
  const count =
    language === 'ko' ? `${all.length}${say.of} ${beyond.length}` : `${beyond.length} ${say.of} ${all.length}`
  return bullet(`${name}: ${count} ${say.beyond}; ${most}`).map((line) => paint('yellow', line))
}

function few(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} +${names.length - 5}`
}

function sources({ observed: { forecast } }: Plan, language: Language): string[] {
  if (forecast?.duration === undefined) return []
  const say = words[language]
  const { measured, fromLimits } = forecast.duration
  const runs = Math.max(0, ...Object.values(measured).map((one) => one.runs))
  const known = Object.entries(measured).map(([type, one]) => `${type} ${span(one.ms)} (${one.steps})`)
  return [
    ...(known.length === 0 ? [] : bullet(`${say.measured} ${runs}: ${known.join(', ')}`)),
    ...(fromLimits.length === 0 ? [] : bullet(`${say.fromLimits}: ${fromLimits.join(', ')}`)),
  ]
}
