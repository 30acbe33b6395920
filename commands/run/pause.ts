import { runArg, RunVerbCommand } from '../base.ts'

export default class RunPause extends RunVerbCommand {
  static override summary = 'Let a run begin nothing more. What is under way ends; the run keeps its systems.'
  static override description =
    'It can still be resumed, canceled and answered, and signatures are still counted. ' +
    'Exit codes: 0 asked, nothing begins within a second; 2 wrong use; 3 not allowed; 4 no such run; ' +
    '5 it has ended, or is paused already; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run pause RUN --reason "waiting for the network team" --site gwangju',
  ]
  static override args = runArg

  async run() {
    const { args, flags } = await this.parse(RunPause)
    const { client, params, reason } = await this.asking(args.run, flags)
    const answer = await client.call('runPause', { params, body: { reason } })
    this.log(
      this.say(
        `${args.run}: 일시 정지를 요청했습니다. 진행 중인 단계는 끝까지 갑니다. 계속하려면 run resume.`,
        `${args.run}: asked to pause. What is under way ends; go on with run resume.`,
      ),
    )
    return answer
  }
}
