import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { loadEstate } from '#estate/load.ts'
import { HaetaeError, isHaetaeError, messageOf } from '#model/errors.ts'
import { languageOf } from '#terminal/language.ts'
import { problemLines } from '#terminal/problem.ts'
import { citizensMinutes, recordFile } from '../citizens/start.ts'
import { CHECKOUT, instanceOf, type Instance } from '../instance.ts'
import { lose } from '../lose.ts'
import { status } from '../status.ts'
import { estateFiles } from '../systems/catalogue.ts'
import { labSystems } from '../systems/lab-system.ts'
import { labContextFile } from '../systems/people.ts'
import { decide } from './decisions.ts'
import { seeTheLoss } from './detection.ts'
import { HaetaeView } from './haetae-view.ts'
import { laggingSystem, provokeLag } from './lag.ts'
import { Narrator } from './narrator.ts'
import { help, readOptions, type DrillOptions } from './options.ts'
import { everythingBackedUp, everythingServes, freshLab } from './preparation.ts'
import { RecordTail } from './record-tail.ts'
import { citizensServed, watchRun } from './recovery.ts'
import { heartbeatsSeen, writeReport, type WrittenReport } from './reporting.ts'
import type { Scene } from './scene.ts'
import { summarize } from './summary.ts'

/** Where others join in: tests stop and kill things at these moments. */
export interface Moments {
  /** The loss is seen, nothing is decided yet. */
  beforeDecisions?: (scene: Scene) => Promise<void>
  /** The run has all it waits for, and works. Runs beside it. */
  duringRun?: (scene: Scene, run: string) => Promise<void>
}

export interface DrillSetting {
  options: DrillOptions
  signal: AbortSignal
  narrator: Narrator
  /** Where the report's folder is made. */
  reports: string
  moments?: Moments
}

/**
 * Loses a data center in the lab and recovers: a fresh lab, the loss of daejeon, detection, decisions, the run, the
 * citizens' return, the report. The lab stays up. Throws HaetaeError for whatever does not go on.
 */
export async function drill(setting: DrillSetting): Promise<{ scene: Scene; written: WrittenReport }> {
  const { options, narrator, signal, moments = {} } = setting
  const scene = await sceneOf(setting)
  const { instance, from } = scene
  const lagging = options.lag === undefined ? undefined : laggingSystem(scene.systems, options.lag, from)
  // People take their time, and citizens who went home would never be served again.
  if (options.interactive) process.env[citizensMinutes] ??= '240'
  narrator.chapter('1. 준비', '1. Preparation')
  await freshLab(instance, scene)
  await everythingServes(scene)
  await everythingBackedUp(scene)
  if (lagging !== undefined) {
    await provokeLag(instance, lagging, from, signal)
    narrator.line(
      `${lagging.id}의 복제가 끊겨 뒤처집니다.`,
      `The replication of ${lagging.id} is cut and lags behind.`,
    )
  }
  narrator.chapter(
    `2. ${scene.siteNames[from]?.ko ?? from}의 전원이 끊깁니다`,
    `2. The power of ${from} goes`,
  )
  const lossAt = Date.parse((await lose(instance, from)).at)
  narrator.chapter('3. 감지', '3. Detection')
  await seeTheLoss(scene)
  const heartbeats = await heartbeatsSeen(scene)
  await moments.beforeDecisions?.(scene)
  narrator.chapter('4. 결정', '4. Decisions')
  const run = await decide(scene)
  narrator.chapter('5. 복구', '5. Recovery')
  await Promise.all([watchRun(scene, run), moments.duringRun?.(scene, run)])
  await citizensServed(scene, lossAt)
  narrator.chapter('6. 결과', '6. Result')
  const written = await writeReport(scene, run, lossAt, heartbeats)
  summarize(scene, written)
  return { scene, written }
}

async function sceneOf({ options, narrator, signal, reports }: DrillSetting): Promise<Scene> {
  const instance = instanceOf()
  const contextFile = labContextFile(instance)
  const estate = await loadEstate(estateFiles(CHECKOUT))
  return {
    ...{
      instance,
      options,
      narrator,
      signal,
      contextFile,
      reports,
      from: 'daejeon',
      to: 'gwangju',
      backups: [],
    },
    systems: labSystems(estate),
    siteNames: Object.fromEntries(estate.sites.map(({ id, name }) => [id, name])),
    ...{ haetae: new HaetaeView(contextFile), record: new RecordTail(recordFile(instance)) },
  }
}

/**
 * 0 when the run succeeded, every system serves citizens again and every target was met. A system that replicates
 * asynchronously may lose the last transactions within its target: the report lists them.
 */
function exitCodeOf({ report }: WrittenReport): number {
  const met = report.systems.every(
    ({ part, rtoMet, rpoMet, citizens }) =>
      citizens.lookedUp === true && (part !== 'moved' || (rtoMet === true && rpoMet === true)),
  )
  return met && report.totals.allServingMs !== null && report.run.state === 'succeeded' ? 0 : 1
}

async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv, process.env)
  if (options.help) {
    process.stdout.write(help)
    return 0
  }
  const stop = new AbortController()
  // The second time it is meant at once.
  const stopAsked = (): void => (stop.signal.aborted ? process.exit(130) : stop.abort())
  process.on('SIGINT', stopAsked)
  process.on('SIGTERM', stopAsked)
  const narrator = new Narrator(options.language)
  const reports = join(CHECKOUT, '.haetae', 'reports')
  try {
    const { written } = await drill({ options, narrator, signal: stop.signal, reports })
    return exitCodeOf(written)
  } catch (error) {
    narrator.close()
    if (!stop.signal.aborted) return explain(error, options)
    await sayWhatRuns(narrator, instanceOf())
    return 130
  } finally {
    narrator.close()
  }
}

/** After Ctrl-C: nothing is left of a lab that was coming up; one that was up stays, and this says so. */
async function sayWhatRuns(narrator: Narrator, instance: Instance): Promise<void> {
  const { state, root } = await status(instance)
  if (state === 'none') {
    narrator.plain(narrator.say('중단했습니다. 남은 것이 없습니다.', 'Stopped. Nothing is left running.'))
    return
  }
  narrator.plain(
    narrator.say(
      `중단했습니다. 실습 환경은 아직 떠 있습니다 (${root}). 내리려면: ./haetae lab down`,
      `Stopped. The lab still runs (${root}). To take it down: ./haetae lab down`,
    ),
  )
}

/** Prints what went wrong as every command does, and gives its exit code. */
function explain(error: unknown, { language }: Pick<DrillOptions, 'language'>): number {
  const known = isHaetaeError(error)
    ? error
    : new HaetaeError('defect', 'the drill', { why: messageOf(error), cause: error })
  process.stderr.write(`\n${problemLines(known, language).join('\n')}\n`)
  if (known !== error && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
  return known.exitCode
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) =>
    explain(error, { language: languageOf(undefined, process.env) }),
  )
}
