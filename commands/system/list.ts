import { table } from '#terminal/table.ts'
import { findingLines } from '#terminal/finding.ts'
import { paintOfState } from '#terminal/paint.ts'
import { allPages, DaemonCommand } from '../base.ts'

export default class SystemList extends DaemonCommand {
  static override summary = 'List the registered systems: where each is active, and how it is.'
  static override description = 'Exit codes: 0; 2 wrong use; 3 not allowed; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> system list',
    '<%= config.bin %> system list --site gwangju --json',
  ]

  async run() {
    const { flags } = await this.parse(SystemList)
    const client = await this.client(flags)
    const systems = await allPages((cursor) => client.call('systemList', { query: { limit: 1000, cursor } }))
    this.print(
      table(
        [
          { title: this.say('시스템', 'system'), text: (one) => one.id },
          { title: this.say('이름', 'name'), text: (one) => this.text(one.name), shrink: true },
          { title: this.say('등급', 'grade'), text: (one) => one.grade },
          { title: this.say('운영', 'active'), text: (one) => one.activeSite ?? '?' },
          { title: this.say('복구', 'recovery'), text: (one) => one.recovery ?? '-' },
          { title: this.say('세대', 'epoch'), text: (one) => String(one.epoch ?? '-') },
          {
            title: this.say('상태', 'health'),
            text: (one) => one.health,
            paint: (one) => paintOfState(one.health),
          },
          {
            title: this.say('이유', 'why'),
            text: (one) =>
              [
                one.heldBy === null ? '' : this.say(`실행 ${one.heldBy}`, `held by ${one.heldBy}`),
                ...one.reasons.map((r) => this.text(r)),
              ]
                .filter(Boolean)
                .join('; '),
            wrap: true,
          },
        ],
        systems,
      ),
    )
    this.print(
      findingLines(
        systems.flatMap((one) => one.findings),
        this.language,
      ),
    )
    return { items: systems }
  }
}
