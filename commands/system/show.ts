import { string as text } from '@oclif/core/args'
import type { SystemDetail } from '#api/schema/estate.ts'
import { fields } from '#terminal/fields.ts'
import { dayAndTime, span } from '#terminal/time.ts'
import { DaemonCommand } from '../base.ts'

export default class SystemShow extends DaemonCommand {
  static override summary = 'Show one system: what it is made of, what it needs, who needs it, how it is.'
  static override description =
    'Exit codes: 0; 2 wrong use; 3 not allowed; 4 no such system; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> system show GPK',
    '<%= config.bin %> system show HTX --site gwangju',
  ]
  static override args = {
    system: text({ required: true, description: 'Id of the system, such as GPK.' }),
  }

  async run() {
    const { args, flags } = await this.parse(SystemShow)
    const client = await this.client(flags)
    const system = await client.call('systemShow', { params: { system: args.system.toUpperCase() } })
    this.print(fields(this.#rows(system)))
    return system
  }

  #rows(system: SystemDetail): [string, string][] {
    const { say } = { say: (ko: string, en: string) => this.say(ko, en) }
    const neighbours = (list: SystemDetail['dependsOn']) =>
      list
        .map((one) => {
          const kind = one.kind === 'hard' ? say('필수', 'hard') : say('선택', 'soft')
          const note = one.note === null ? '' : `: ${this.text(one.note)}`
          return `${one.id} (${kind}${one.health === null ? '' : `, ${one.health}`}${note})`
        })
        .join('; ')
    const { targets, database, traffic } = system
    return [
      [say('시스템', 'system'), `${system.id}  ${this.text(system.name)}`],
      [say('담당 기관', 'owner'), system.owner],
      [say('등급', 'grade'), system.grade],
      [say('주 센터', 'home site'), system.home],
      [say('재해복구 센터', 'recovery site'), system.recovery ?? '-'],
      [
        say('운영 센터', 'active site'),
        `${system.activeSite ?? '?'} (${say('세대', 'epoch')} ${system.epoch ?? '-'})`,
      ],
      [say('상태', 'health'), `${system.health}, ${dayAndTime(system.lookedAt)} KST`],
      [say('이유', 'why'), system.reasons.map((one) => this.text(one)).join('; ')],
      [say('실행', 'held by'), system.heldBy ?? ''],
      [say('복구 목표', 'targets'), targets ? `RTO ${span(targets.rtoMs)}, RPO ${span(targets.rpoMs)}` : ''],
      [say('연계', 'depends on'), neighbours(system.dependsOn)],
      [say('이 시스템을 필요로 하는 시스템', 'needed by'), neighbours(system.neededBy)],
      [
        say('데이터베이스', 'database'),
        database
          ? `${database.name}, ${database.replication}, ${pairs(database.endpoints)}`
          : traffic
            ? say('없음 (데이터를 두지 않음)', 'none: it keeps no data')
            : '',
      ],
      [
        say('작업 부하', 'workloads'),
        system.workloads.map((one) => `${one.deployment} ×${one.replicas}`).join(', '),
      ],
      [say('접속', 'traffic'), traffic ? `${traffic.name}:${traffic.port}, ${pairs(traffic.addresses)}` : ''],
      [say('런북', 'runbook'), system.runbook ?? ''],
      [say('참고', 'notes'), system.notes.map((one) => this.text(one)).join('; ')],
    ]
  }
}

function pairs(record: Record<string, string>): string {
  return Object.entries(record)
    .map(([site, value]) => `${site} ${value}`)
    .join(', ')
}
