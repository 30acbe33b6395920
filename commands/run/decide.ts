import { option, string } from '@oclif/core/flags'
import { runArg, RunVerbCommand } from '../base.ts'

export default class RunDecide extends RunVerbCommand {
  static override summary = 'Answer the question that a run or one of its nodes waits with.'
  static override description =
    'See both facts first with `run show`. retry: look again and try; holds: you vouch that it is done; ' +
    'fail: the node is given up; replan: a system of a fleet goes by its plan as it is now, once that is approved. ' +
    'Exit codes: 0; 2 wrong use; 3 not allowed; 4 no such run or step; 5 nothing to decide; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run decide RUN --node GPK/promote --answer retry --reason "the disk was replaced"',
  ]
  static override args = runArg
  static override flags = {
    node: string({ helpValue: 'NODE', description: 'The node that asks; without it, the run itself.' }),
    answer: option({
      options: ['retry', 'holds', 'fail', 'replan'] as const,
      required: true,
      description: 'The decision.',
    })(),
  }

  async run() {
    const { args, flags } = await this.parse(RunDecide)
    const { client, params, reason } = await this.asking(args.run, flags)
    const answer = await client.call('runDecide', {
      params,
      body: { node: flags.node ?? null, decision: flags.answer, reason },
    })
    this.log(this.say(`${args.run}: 결정을 전달했습니다.`, `${args.run}: the decision is handed over.`))
    return answer
  }
}
