import { string } from '@oclif/core/flags'
import { table } from '#terminal/table.ts'
import { dayAndTime, size } from '#terminal/time.ts'
import { allPages, DaemonCommand } from '../base.ts'

export default class BackupList extends DaemonCommand {
  static override summary = 'List the copies: what can be restored, where it lies, whether it was verified.'
  static override description = 'Exit codes: 0; 2 wrong use; 3 not allowed; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> backup list --site gwangju',
    '<%= config.bin %> backup list --system GPK --json',
  ]
  static override flags = {
    system: string({ helpValue: 'ID', description: 'Only copies of this system.' }),
    at: string({ helpValue: 'SITE', description: 'Only copies that lie at this site.' }),
  }

  async run() {
    const { flags } = await this.parse(BackupList)
    const client = await this.client(flags)
    const copies = await allPages((cursor) =>
      client.call('backupList', {
        query: { cursor, system: flags.system?.toUpperCase(), site: flags.at },
      }),
    )
    this.print(
      table(
        [
          { title: this.say('시스템', 'system'), text: (one) => one.system },
          { title: this.say('도구', 'tool'), text: (one) => one.tool },
          { title: this.say('센터', 'site'), text: (one) => one.site },
          { title: this.say('원본', 'from'), text: (one) => one.sourceSite },
          {
            title: this.say('복구 시점 (KST)', 'recovery point (KST)'),
            text: (one) => dayAndTime(one.recoveryPoint),
          },
          { title: this.say('크기', 'size'), text: (one) => size(one.bytes) },
          { title: this.say('검증', 'verified'), text: (one) => dayAndTime(one.verifiedAt) },
          { title: this.say('복원 확인', 'restored'), text: (one) => dayAndTime(one.restoredAt) },
        ],
        copies,
      ),
    )
    return { items: copies }
  }
}
