import { option, string } from '@oclif/core/flags'
import type { BackupLogEntry } from '#api/schema/backup.ts'
import { momentOf } from '#client/arguments.ts'
import { csv } from '#terminal/csv.ts'
import { paintOfState } from '#terminal/paint.ts'
import { table } from '#terminal/table.ts'
import { dayAndTime, size } from '#terminal/time.ts'
import { allPages, DaemonCommand } from '../base.ts'

const outcomes = ['running', 'succeeded', 'partial', 'failed', 'missed', 'canceled'] as const
const columns: readonly (keyof BackupLogEntry)[] = [
  'id',
  'system',
  'tool',
  'dueAt',
  'startedAt',
  'endedAt',
  'outcome',
  'sourceSite',
  'targetSite',
  'recoveryPoint',
  'bytes',
  'digest',
  'verified',
  'askedBy',
  'message',
]

export default class BackupLog extends DaemonCommand {
  static override summary = 'The backup log: what was due, what ran, what did not, and why.'
  static override description =
    'Moments: 2026-11-24 (Korean time), RFC 3339, or how long ago (24h). CSV and JSON hold UTC. ' +
    'Exit codes: 0; 2 wrong use; 3 not allowed; 4 no such system; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> backup log --from 24h --outcome failed',
    '<%= config.bin %> backup log --system GPK --from 2026-11-01 --to 2026-12-01 --format csv > november.csv',
  ]
  static override flags = {
    system: string({ helpValue: 'ID', description: 'Only this system.' }),
    at: string({ helpValue: 'SITE', description: 'Only copies to this site.' }),
    from: string({ helpValue: 'MOMENT', description: 'Started or due at or after.' }),
    to: string({ helpValue: 'MOMENT', description: 'Started or due before.' }),
    outcome: option({ options: outcomes, description: 'Only this outcome.' })(),
    format: option({
      options: ['text', 'csv', 'json'] as const,
      default: 'text' as const,
      description: 'How to print.',
    })(),
  }

  async run() {
    const { flags } = await this.parse(BackupLog)
    const now = Date.now()
    const from = momentOf('from', flags.from, now)
    const to = momentOf('to', flags.to, now)
    const client = await this.client(flags)
    const entries = await allPages((cursor) =>
      client.call('backupLog', {
        query: {
          cursor,
          system: flags.system?.toUpperCase(),
          site: flags.at,
          outcome: flags.outcome,
          from,
          to,
        },
      }),
    )
    if (flags.format === 'csv' && !this.jsonEnabled())
      process.stdout.write(
        csv(
          columns,
          entries.map((one) => this.#flat(one)),
        ),
      )
    else if (flags.format === 'json' && !this.jsonEnabled()) this.logJson({ items: entries })
    else this.print(this.#table(entries))
    return { items: entries }
  }

  #flat(entry: BackupLogEntry): Record<string, unknown> {
    return { ...entry, message: this.text(entry.message) }
  }

  #table(entries: readonly BackupLogEntry[]): string[] {
    return table<BackupLogEntry>(
      [
        {
          title: this.say('시작 (KST)', 'started (KST)'),
          text: (one) => dayAndTime(one.startedAt ?? one.dueAt),
        },
        { title: this.say('시스템', 'system'), text: (one) => one.system },
        { title: this.say('도구', 'tool'), text: (one) => one.tool },
        { title: this.say('이동', 'copy'), text: (one) => `${one.sourceSite} → ${one.targetSite}` },
        {
          title: this.say('결과', 'outcome'),
          text: (one) => one.outcome,
          paint: (one) => paintOfState(one.outcome),
        },
        { title: this.say('크기', 'size'), text: (one) => size(one.bytes) },
        { title: this.say('검증', 'verified'), text: (one) => (one.verified ? this.say('예', 'yes') : '-') },
        {
          title: this.say('내용', 'message'),
          text: (one) => this.text(one.message) || one.askedBy,
          wrap: true,
        },
      ],
      entries,
    )
  }
}
