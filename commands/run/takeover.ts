import { string } from '@oclif/core/flags'
import { reasonOf } from '#client/arguments.ts'
import { signingOf } from '#client/context.ts'
import { refuseAltered, signStatement, statementOver } from '#client/signing.ts'
import { confirmName } from '#terminal/confirm.ts'
import { runLines } from '#terminal/run.ts'
import { DaemonCommand, runArg } from '../base.ts'

const purpose = 'take-over'

export default class RunTakeover extends DaemonCommand {
  static override summary = 'End a run that nobody can end otherwise, whoever holds it. Two people sign.'
  static override description =
    'For a run whose process hangs, or that blocks systems and cannot be canceled. With the second signature its process ' +
    'can write nothing any more and nothing is begun. What it was doing may still happen: that is waited out and looked at, ' +
    'then the run has ended and its systems are free. Begin anew with a plan. ' +
    'Exit codes: 0 signed, or ended; 2 wrong use or not confirmed; 3 not allowed (own request, role, key); ' +
    '4 no such run; 5 signed already, or it has ended; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run takeover RUN --reason "its daemon hangs and the site burns" --site gwangju',
  ]
  static override args = runArg
  static override flags = {
    reason: string({
      required: true,
      helpValue: 'TEXT',
      description: 'Why; it is signed and stays on record.',
    }),
    confirm: string({ helpValue: 'RUN', description: "The run's name, instead of typing it back." }),
  }

  async run() {
    const { args, flags } = await this.parse(RunTakeover)
    const reason = reasonOf(flags.reason)
    const client = await this.client(flags)
    const params = { run: args.run }
    const { plan } = await client.call('runPlan', { params })
    refuseAltered(plan)
    this.print([...runLines(await client.call('runShow', { params }), this.language), ''])
    const signing = signingOf(await this.context(flags), flags.as)
    await confirmName(
      args.run,
      flags.confirm,
      this.say(
        `${signing.principal} 이름으로 실행의 인수에 서명합니다. 실행의 이름을 입력하십시오: `,
        `You sign the take-over of this run as ${signing.principal}. Type its name: `,
      ),
    )
    const decision = {
      ...({ purpose, gate: purpose, decision: 'yes', reason } as const),
      ...{ sources: [], oneSourceOutsideHaetae: false, validFor: '1h' },
    }
    const signed = await signStatement(
      statementOver({ run: args.run, plan }, signing, decision, Date.now()),
      signing.keyFile,
    )
    const { gate } = await client.call('approve', { params, body: signed })
    const takenOver = gate.state === 'passed'
    const { endedAt } = takenOver ? await client.call('runShow', { params }) : { endedAt: null }
    const ended = endedAt !== null
    this.log(`${args.run}: ${ended ? this.#ended() : takenOver ? this.#looking() : this.#signed(gate)}`)
    return { gate, ended }
  }

  #ended(): string {
    return this.say('인수되어 끝났습니다.', 'taken over; it has ended.')
  }

  #looking(): string {
    return this.say(
      '인수되었습니다. 하던 일의 기한을 기다려 확인한 뒤 끝납니다. 경과: haetae run show',
      'taken over. What was under way is waited out and looked at, then it has ended: haetae run show',
    )
  }

  #signed({ given, quorum }: { given: readonly unknown[]; quorum: number }): string {
    return this.say(
      `서명 ${given.length}/${quorum}. 한 사람이 더 서명해야 합니다.`,
      `${given.length} of ${quorum} signatures. Another person has to sign.`,
    )
  }
}
