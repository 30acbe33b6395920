import { boolean } from '@oclif/core/flags'
import { planLines } from '#terminal/plan.ts'
import { runLines } from '#terminal/run.ts'
import { DaemonCommand, runArg } from '../base.ts'

export default class RunShow extends DaemonCommand {
  static override summary = 'Show a run: gates, what each node waits for, times per system, nodes.'
  static override description =
    '--plan shows the plan that it executes; with --json that is the file which `approve --sign-only` reads. ' +
    'Exit codes: 0; 2 wrong use; 3 not allowed; 4 no such run; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run show RUN --site gwangju',
    '<%= config.bin %> run show RUN --plan --json > plan.json',
  ]
  static override args = runArg
  static override flags = { plan: boolean({ description: 'Show the plan instead.' }) }

  async run() {
    const { args, flags } = await this.parse(RunShow)
    const client = await this.client(flags)
    const params = { run: args.run }
    if (flags.plan) {
      const { plan } = await client.call('runPlan', { params })
      this.print(planLines(plan, this.language))
      return { run: args.run, plan }
    }
    const run = await client.call('runShow', { params })
    this.print(runLines(run, this.language))
    return run
  }
}
