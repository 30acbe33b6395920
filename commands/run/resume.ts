import { string as text } from '@oclif/core/args'
import { string } from '@oclif/core/flags'
import { reasonOf } from '#client/arguments.ts'
import { DaemonCommand } from '../base.ts'

export default class RunResume extends DaemonCommand {
  static override summary = 'Let a paused run go on. Steps have lost none of their time.'
  static override description =
    'Exit codes: 0 asked; 2 wrong use; 3 not allowed; 4 no such run; 5 it has ended, or is not paused; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run resume RUN --reason "the network is back" --site gwangju',
  ]
  static override args = { run: text({ required: true, description: 'Name of the run.' }) }
  static override flags = {
    reason: string({ required: true, helpValue: 'TEXT', description: 'Why; it stays on record.' }),
  }

  async run() {
    const { args, flags } = await this.parse(RunResume)
    const reason = reasonOf(flags.reason)
    const client = await this.client(flags)
    const answer = await client.call('runResume', { params: { run: args.run }, body: { reason } })
    this.log(this.say(`${args.run}: 재개를 요청했습니다.`, `${args.run}: asked to go on.`))
    return answer
  }
}
