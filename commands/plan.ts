import { string } from '@oclif/core/flags'
import { writePlanFile } from '#client/plan-file.ts'
import { planLines } from '#terminal/plan.ts'
import { DaemonCommand } from './base.ts'
import { systemsOf } from '#client/arguments.ts'

export default class Plan extends DaemonCommand {
  static override summary = 'Make a failover plan and show it; nothing is stored or changed.'
  static override description =
    'The recovery site plans: ask its daemon with --site. Shows ordered actions by wave; what each would change as the ' +
    'world is now (exact, predicted from other steps, or opaque and why); how long it takes and what would be lost, ' +
    'beside the targets; assumptions, what is left out, and the digest that approvals bind to. ' +
    'Exit codes: 0; 2 wrong use; 3 not allowed; 4 no such site or system; 5 no plan can be made; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> plan --from daejeon --site gwangju',
    '<%= config.bin %> plan --from daejeon --systems AID,GPK --json',
    '<%= config.bin %> plan --from daejeon --out plan-today.json',
  ]
  static override flags = {
    from: string({ required: true, helpValue: 'SITE', description: 'The site that is lost or distrusted.' }),
    systems: string({
      helpValue: 'A,B',
      description: 'Only these systems; else every movable one that is active there.',
    }),
    out: string({ helpValue: 'FILE', description: 'Write the plan there too, for `plan diff`.' }),
  }

  async run() {
    const { flags } = await this.parse(Plan)
    const client = await this.client(flags)
    const draft = await client.call('planFailover', {
      body: { fromSite: flags.from, ...systemsOf(flags.systems) },
    })
    this.print(planLines(draft.plan, this.language))
    if (flags.out !== undefined) writePlanFile(flags.out, draft)
    return draft
  }
}
