import { relative } from 'node:path'
import { table } from '#terminal/table.ts'
import type { SystemReport } from '../report/report.ts'
import { english, korean } from '../report/words.ts'
import type { Narrator } from './narrator.ts'
import type { WrittenReport } from './reporting.ts'
import type { Scene } from './scene.ts'

/** The drill's last words: a table, where the report is, what to try next. */
export function summarize(scene: Scene, written: WrittenReport): void {
  const { narrator } = scene
  const { report } = written
  narrator.plain()
  for (const line of resultTable(narrator, report.systems)) narrator.plain(line)
  narrator.plain()
  const words = narrator.language === 'ko' ? korean : english
  const away = report.totals.allServingMs
  narrator.plain(`${words.allServing}: ${away === null ? words.stillAway : words.duration(away)}`)
  narrator.plain(`${words.lost}: ${report.totals.lost} / ${report.totals.acknowledged}`)
  for (const { id, citizens } of report.systems) {
    if (citizens.lost.length > 0)
      narrator.plain(`  ${id}: ${citizens.lost.map((entry) => entry.id).join(' ')}`)
  }
  narrator.plain(`${words.debts}: ${report.fenceDebts.map(({ system }) => system).join(' ') || words.none}`)
  narrator.plain()
  narrator.plain(narrator.say('결과 보고서:', 'Report:'))
  narrator.plain(`  ${relative(process.cwd(), written.html)}`)
  narrator.plain(`  ${relative(process.cwd(), written.json)}`)
  nextCommands(narrator, report.run.id)
}

function resultTable(narrator: Narrator, systems: readonly SystemReport[]): string[] {
  const words = narrator.language === 'ko' ? korean : english
  const span = (ms: number | null) => (ms === null ? '–' : words.duration(ms))
  const verdict = (met: boolean | null) => (met === null ? '–' : met ? words.met : words.missed)
  return table(
    [
      { title: words.system, text: (one) => one.id },
      { title: '', text: (one) => words.part[one.part], shrink: true },
      { title: words.wave, text: (one) => (one.wave === null ? '' : String(one.wave)) },
      { title: narrator.say('RTO 목표', 'RTO target'), text: (one) => span(one.targets?.rtoMs ?? null) },
      { title: narrator.say('달성', 'achieved'), text: (one) => span(one.haetae.rtoMs) },
      { title: narrator.say('이용자 중단', 'citizens away'), text: (one) => span(one.citizens.awayMs) },
      { title: narrator.say('RPO 목표', 'RPO target'), text: (one) => span(one.targets?.rpoMs ?? null) },
      {
        title: narrator.say('유실', 'lost'),
        text: (one) => `${one.citizens.lost.length}/${one.citizens.acknowledged}`,
      },
      { title: 'RTO', text: (one) => verdict(one.rtoMet) },
      { title: 'RPO', text: (one) => verdict(one.rpoMet) },
    ],
    systems,
  )
}

function nextCommands(narrator: Narrator, run: string): void {
  narrator.plain()
  narrator.plain(
    narrator.say(
      '실습 환경은 그대로 떠 있습니다. 이어서 해 볼 명령:',
      'The lab stays up. Commands to try next:',
    ),
  )
  for (const command of [
    './haetae system list',
    './haetae site list',
    `./haetae run show ${run}`,
    './haetae backup log',
    './haetae lab status',
    './haetae lab down',
  ]) {
    narrator.plain(`  ${command}`)
  }
}
