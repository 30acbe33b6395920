import { string } from '@oclif/core/flags'
import { runArg, RunVerbCommand } from '../base.ts'

export default class RunSkip extends RunVerbCommand {
  static override summary = 'Leave out a step that is ready, waits to try again, or asks a person.'
  static override description =
    'What needs it goes on as if it were done; name and reason stay in the run and its evidence. Refused for gates, ' +
    'fences and authority, points of no return, a step whose output another one reads, one that may have done ' +
    'something already, and one whose turn has not come. ' +
    'Exit codes: 0 asked; 2 wrong use; 3 not allowed; 4 no such run or step; 5 refused, or the run has ended; ' +
    '6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run skip RUN --node GPK/check --reason "checked by hand from the street" --site gwangju',
  ]
  static override args = runArg
  static override flags = {
    node: string({ required: true, helpValue: 'NODE', description: 'The step that is left out.' }),
  }

  async run() {
    const { args, flags } = await this.parse(RunSkip)
    const { client, params, reason } = await this.asking(args.run, flags)
    const answer = await client.call('runSkip', { params, body: { node: flags.node, reason } })
    this.log(
      this.say(
        `${args.run}: ${flags.node} 단계를 건너뛰도록 요청했습니다.`,
        `${args.run}: asked to skip ${flags.node}.`,
      ),
    )
    return answer
  }
}
