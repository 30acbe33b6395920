import { boolean, integer, string } from '@oclif/core/flags'
import { paintOfState } from '#terminal/paint.ts'
import { placeOf } from '#terminal/plan.ts'
import { table } from '#terminal/table.ts'
import { dayAndTime } from '#terminal/time.ts'
import { DaemonCommand } from '../base.ts'

export default class RunList extends DaemonCommand {
  static override summary = 'List the runs of a site, newest first.'
  static override description =
    'A run lives at the site that executes it: the recovery site. ' +
    'Exit codes: 0; 2 wrong use; 3 not allowed; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run list --site gwangju',
    '<%= config.bin %> run list --active --json',
  ]
  static override flags = {
    active: boolean({ description: 'Only runs that have not ended.' }),
    system: string({ helpValue: 'ID', description: 'Only runs about this system.' }),
    of: string({ helpValue: 'RUN', description: 'The runs of the systems of this fleet.' }),
    parts: boolean({ description: 'Also the runs that are parts of fleets.' }),
    limit: integer({ default: 50, min: 1, max: 1000, description: 'At most so many.' }),
  }

  async run() {
    const { flags } = await this.parse(RunList)
    const client = await this.client(flags)
    const { items } = await client.call('runList', {
      query: {
        limit: flags.limit,
        ...(flags.active ? { active: 'true' } : {}),
        ...(flags.of === undefined ? {} : { parent: flags.of }),
        ...(flags.parts ? { parts: 'true' } : {}),
        ...(flags.system === undefined ? {} : { system: flags.system.toUpperCase() }),
      },
    })
    this.print(
      table(
        [
          { title: this.say('실행', 'run'), text: (run) => run.id },
          {
            title: this.say('상태', 'state'),
            text: (run) => run.state,
            paint: (run) => paintOfState(run.state),
          },
          { title: this.say('단계', 'steps'), text: (run) => `${run.nodesDone}/${run.nodes}` },
          { title: this.say('용도', 'mode'), text: (run) => run.mode },
          { title: this.say('센터', 'sites'), text: placeOf },
          { title: this.say('시스템', 'systems'), text: (run) => run.systems.join(','), shrink: true },
          { title: this.say('요청자', 'requester'), text: (run) => run.requester },
          { title: this.say('요청 (KST)', 'requested (KST)'), text: (run) => dayAndTime(run.createdAt) },
        ],
        items,
      ),
    )
    return { items }
  }
}
