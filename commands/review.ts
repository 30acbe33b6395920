import { option, string } from '@oclif/core/flags'
import { reasonOf } from '#client/arguments.ts'
import { refuseAltered, signStatement, statementOver } from '#client/signing.ts'
import { HaetaeError } from '#model/errors.ts'
import { confirmName } from '#terminal/confirm.ts'
import { gateLines } from '#terminal/gate.ts'
import { dayAndTime } from '#terminal/time.ts'
import { DaemonCommand, runArg } from './base.ts'

export default class Review extends DaemonCommand {
  static override summary =
    'Review a broken glass: read who opened a gate with fewer people and why, and sign.'
  static override description =
    'Two people review, none of them who broke the glass or requested the run. A yes says that it was right to; a no ' +
    'keeps the finding open until whoever said it signs otherwise. The run may be over. ' +
    'Exit codes: 0; 2 wrong use or not confirmed; 3 not allowed (own act, role, key); 4 no such run; ' +
    '5 signed already, or nothing to review; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> review RUN --reason "log of the night read, nobody could be reached" --as approver-1',
    '<%= config.bin %> review RUN --decision no --reason "two approvers were on duty" --confirm RUN',
  ]
  static override args = runArg
  static override flags = {
    decision: option({
      options: ['yes', 'no'] as const,
      default: 'yes' as const,
      description: 'Whether it was right.',
    })(),
    reason: string({
      required: true,
      helpValue: 'TEXT',
      description: 'What you found; it is signed and stays on record.',
    }),
    confirm: string({ helpValue: 'RUN', description: "The run's name, instead of typing it back." }),
  }

  async run() {
    const { args, flags } = await this.parse(Review)
    const reason = reasonOf(flags.reason)
    const client = await this.client(flags)
    const { signing } = client
    const params = { run: args.run }
    const [{ plan }, { items }] = await Promise.all([
      client.call('runPlan', { params }),
      client.call('approvalList', { params }),
    ])
    refuseAltered(plan)
    const broken = items.filter((one) => one.purpose === 'break-glass')
    if (broken.length === 0) throw new HaetaeError('nothing-to-review', `run ${args.run}`)
    const shown = broken.map(
      (one) => `  ${dayAndTime(one.receivedAt)} KST  ${one.principal}  ${one.gate ?? ''}: ${one.reason}`,
    )
    const lines = [this.say('긴급 승인:', 'The glass was broken:'), ...shown, '']
    if (!this.jsonEnabled()) this.print(lines)
    else if (flags.confirm === undefined) process.stderr.write(`${lines.join('\n')}\n`)
    await confirmName(
      args.run,
      flags.confirm,
      this.say(
        `${signing.principal} 이름으로 검토 결과 ${flags.decision}에 서명합니다. 실행의 이름을 입력하십시오: `,
        `You sign ${flags.decision} as ${signing.principal}. Type the name of the run: `,
      ),
    )
    const decision = {
      purpose: 'review' as const,
      gate: 'review',
      decision: flags.decision,
      reason,
      sources: [],
      oneSourceOutsideHaetae: false,
    }
    const target = { run: args.run, plan }
    const body = await signStatement(statementOver(target, signing, decision, Date.now()), signing.keyFile)
    const { gate } = await client.call('approve', { params, body })
    this.print([
      this.say('서명이 접수되었습니다:', 'The signature is received:'),
      ...gateLines(gate, this.language).map((line) => `  ${line}`),
    ])
    return { gate }
  }
}
