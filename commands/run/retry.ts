import { string } from '@oclif/core/flags'
import { runArg, RunVerbCommand } from '../base.ts'

export default class RunRetry extends RunVerbCommand {
  static override summary = 'Have a run look again at what it asks about, and try it again.'
  static override description =
    'The same as `run decide --answer retry`. What has taken effect meanwhile is adopted and not done twice. A step that ' +
    'waits to try again by itself needs no word from you. ' +
    'Exit codes: 0; 2 wrong use; 3 not allowed; 4 no such run or step; 5 nothing to decide; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run retry RUN --node GPK/promote --reason "the disk was replaced" --site gwangju',
  ]
  static override args = runArg
  static override flags = {
    node: string({ helpValue: 'NODE', description: 'The node that asks; without it, the run itself.' }),
  }

  async run() {
    const { args, flags } = await this.parse(RunRetry)
    const { client, params, reason } = await this.asking(args.run, flags)
    const answer = await client.call('runDecide', {
      params,
      body: { node: flags.node ?? null, decision: 'retry', reason },
    })
    const what = flags.node ?? args.run
    this.log(
      this.say(`${args.run}: ${what}의 재시도를 요청했습니다.`, `${args.run}: asked to try ${what} again.`),
    )
    return answer
  }
}
