import { runArg, RunVerbCommand } from '../base.ts'

export default class RunResume extends RunVerbCommand {
  static override summary = 'Let a paused run go on. Steps have lost none of their time.'
  static override description =
    'Exit codes: 0 asked; 2 wrong use; 3 not allowed; 4 no such run; 5 it has ended, or is not paused; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run resume RUN --reason "the network is back" --site gwangju',
  ]
  static override args = runArg

  async run() {
    const { args, flags } = await this.parse(RunResume)
    const { client, params, reason } = await this.asking(args.run, flags)
    const answer = await client.call('runResume', { params, body: { reason } })
    this.log(this.say(`${args.run}: 재개를 요청했습니다.`, `${args.run}: asked to go on.`))
    return answer
  }
}
