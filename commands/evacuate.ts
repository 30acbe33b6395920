import { boolean, string } from '@oclif/core/flags'
import { reasonOf, systemsOf } from '#client/arguments.ts'
import { refuseAltered, signDeclaration } from '#client/signing.ts'
import { HaetaeError } from '#model/errors.ts'
import { confirmName } from '#terminal/confirm.ts'
import { createdLines } from '#terminal/created.ts'
import { planLines } from '#terminal/plan.ts'
import { DaemonCommand } from './base.ts'

export default class Evacuate extends DaemonCommand {
  static override summary = 'Request an evacuation: every system of a lost site, each in a run of its own.'
  static override description =
    'People sign once, over the plans of all systems. Each system is planned again when its turn comes: one that is ' +
    'not as it was approved, or that another run holds, is held back, and the others go on. The recovery site ' +
    'executes: name it with --site. --plan-only shows the plan of all, with what it changes counted; --only shows the plan of one system, with the digest that the whole plan has for it. ' +
    'Exit codes: 0; 2 wrong use or not confirmed; 3 not allowed; 4 no such site, system or runbook; 5 no plan; ' +
    '6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> evacuate --from daejeon --site gwangju --reason "power lost in all rooms"',
    '<%= config.bin %> evacuate --from daejeon --site gwangju --plan-only',
    '<%= config.bin %> evacuate --from daejeon --site gwangju --only GOV',
  ]
  static override flags = {
    from: string({ required: true, helpValue: 'SITE', description: 'The site that is lost or distrusted.' }),
    systems: string({
      helpValue: 'A,B',
      description: 'Only these systems; else every movable one that is active there.',
    }),
    runbook: string({
      default: 'evacuate-site',
      helpValue: 'NAME',
      description: 'The runbook with the fleet step: gates, ramp, limits.',
    }),
    reason: string({ helpValue: 'TEXT', description: 'Why; it is signed and stays on record.' }),
    confirm: string({ helpValue: 'SITE', description: "The lost site's name, instead of typing it back." }),
    only: string({
      helpValue: 'SYSTEM',
      description: 'Show the plan of this system alone; nothing is requested.',
    }),
    'plan-only': boolean({ description: 'Show the plan and stop: nothing is signed, stored or changed.' }),
    quiet: boolean({ description: 'Do not show the plan.' }),
  }

  async run() {
    const { flags } = await this.parse(Evacuate)
    const client = await this.client(flags)
    const request = { fromSite: flags.from, fleet: flags.runbook, ...systemsOf(flags.systems) }
    if (flags.only !== undefined) {
      const { plan } = await client.call('planFailover', {
        body: { ...request, only: flags.only.toUpperCase() },
      })
      this.print(planLines(plan, this.language))
      return { plan }
    }
    const reason = flags['plan-only'] ? '' : reasonOf(flags.reason ?? '')
    const draft = await client.call('planFailover', { body: request })
    if (draft.plan.subject.nodes.every(({ waitFor }) => waitFor?.kind !== 'run'))
      throw new HaetaeError('plan-altered', draft.plan.digest, { why: 'the daemon answered with no fleet' })
    refuseAltered(draft.plan)
    if (!flags.quiet) this.print([...planLines(draft.plan, this.language), ''])
    if (flags['plan-only']) return draft
    const { principal } = client.identity
    await confirmName(
      flags.from,
      flags.confirm,
      this.say(
        `${principal} 이름으로 센터 일괄 전환을 요청합니다. 잃은 센터의 이름을 입력하십시오: `,
        `You request this evacuation as ${principal}. Type the name of the lost site: `,
      ),
    )
    const declaration = await signDeclaration(draft, client.signing, reason, Date.now())
    const run = await client.call('declareFailover', { body: { ...request, run: draft.run, declaration } })
    this.print(createdLines(run, flags.site, this.language))
    return run
  }
}
