import { string } from '@oclif/core/flags'
import { confirmName } from '#terminal/confirm.ts'
import { runArg, RunVerbCommand } from '../base.ts'

export default class RunRollback extends RunVerbCommand {
  static override summary = 'Take back what a run has done, the last first, as far as that is possible.'
  static override description =
    'It looks first at everything that is not known. It stops at a point of no return, takes neither fence nor ' +
    'authority back, and says what is left as it is. A run that has ended is not rolled back: plan the way back. ' +
    'Exit codes: 0 asked, `run watch` shows how it goes on; 2 wrong use or not confirmed; 3 not allowed; ' +
    '4 no such run; 5 it has ended, or is being ended; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run rollback RUN --reason "wrong version of the runbook" --site gwangju',
  ]
  static override args = runArg
  static override flags = {
    confirm: string({ helpValue: 'RUN', description: "The run's name, instead of typing it back." }),
  }

  async run() {
    const { args, flags } = await this.parse(RunRollback)
    const { client, params, reason } = await this.asking(args.run, flags)
    await confirmName(
      args.run,
      flags.confirm,
      this.say('실행을 되돌립니다. 실행의 이름을 입력하십시오: ', 'You roll this run back. Type its name: '),
    )
    const answer = await client.call('runRollback', { params, body: { reason } })
    this.log(
      this.say(
        `${args.run}: 되돌리기를 요청했습니다. run watch로 보십시오.`,
        `${args.run}: asked to roll back. Watch it with run watch.`,
      ),
    )
    return answer
  }
}
