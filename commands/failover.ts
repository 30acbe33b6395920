import { boolean, string } from '@oclif/core/flags'
import { reasonOf, systemsOf } from '#client/arguments.ts'
import { refuseAltered, signDeclaration } from '#client/signing.ts'
import { confirmName } from '#terminal/confirm.ts'
import { createdLines } from '#terminal/created.ts'
import { planLines } from '#terminal/plan.ts'
import { DaemonCommand } from './base.ts'

export default class Failover extends DaemonCommand {
  static override summary = 'Request a failover: show the plan, sign it, create the run.'
  static override description =
    'The recovery site executes: name it with --site. The run waits until people have approved it and attested the ' +
    'loss; whoever requests it never counts among them. ' +
    'Exit codes: 0; 2 wrong use or not confirmed; 3 not allowed; 4 no such site or system; ' +
    '5 already there, held by another run, or no plan; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> failover --from daejeon --site gwangju --reason "power lost in all rooms"',
    '<%= config.bin %> failover --from daejeon --systems AID,GPK --reason "fire in room 5" --confirm daejeon',
  ]
  static override flags = {
    from: string({ required: true, helpValue: 'SITE', description: 'The site that is lost or distrusted.' }),
    systems: string({
      helpValue: 'A,B',
      description: 'Only these systems; else every movable one that is active there.',
    }),
    reason: string({
      required: true,
      helpValue: 'TEXT',
      description: 'Why; it is signed and stays on record.',
    }),
    confirm: string({ helpValue: 'SITE', description: "The lost site's name, instead of typing it back." }),
    quiet: boolean({ description: 'Do not show the plan.' }),
  }

  async run() {
    const { flags } = await this.parse(Failover)
    const reason = reasonOf(flags.reason)
    const client = await this.client(flags)
    const { principal } = client.identity
    const request = { fromSite: flags.from, ...systemsOf(flags.systems) }
    const draft = await client.call('planFailover', { body: request })
    refuseAltered(draft.plan)
    if (!flags.quiet) this.print([...planLines(draft.plan, this.language), ''])
    await confirmName(
      flags.from,
      flags.confirm,
      this.say(
        `${principal} 이름으로 재해 전환을 요청합니다. 잃은 센터의 이름을 입력하십시오: `,
        `You request this failover as ${principal}. Type the name of the lost site: `,
      ),
    )
    const declaration = await signDeclaration(draft, client.signing, reason, Date.now())
    const run = await client.call('declareFailover', { body: { ...request, run: draft.run, declaration } })
    this.print(createdLines(run, flags.site, this.language))
    return run
  }
}
