import { string } from '@oclif/core/flags'
import { confirmName } from '#terminal/confirm.ts'
import { runArg, RunVerbCommand } from '../base.ts'

export default class RunCancel extends RunVerbCommand {
  static override summary =
    'End a run where it stands. What was done stays done; the run says where it left things.'
  static override description =
    'Exit codes: 0 asked, the run ends when its steps have stopped; 2 wrong use or not confirmed; 3 not allowed; ' +
    '4 no such run; 5 it has ended; 6 no daemon answers.'
  static override examples = ['<%= config.bin %> run cancel RUN --reason "the site is back" --site gwangju']
  static override args = runArg
  static override flags = {
    confirm: string({ helpValue: 'RUN', description: "The run's name, instead of typing it back." }),
  }

  async run() {
    const { args, flags } = await this.parse(RunCancel)
    const { client, params, reason } = await this.asking(args.run, flags)
    await confirmName(
      args.run,
      flags.confirm,
      this.say('실행을 끝냅니다. 실행의 이름을 입력하십시오: ', 'You end this run. Type its name: '),
    )
    const answer = await client.call('runCancel', { params, body: { reason } })
    this.log(this.say(`${args.run}: 취소를 요청했습니다.`, `${args.run}: asked to end.`))
    return answer
  }
}
