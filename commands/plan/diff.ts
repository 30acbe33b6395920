import { existsSync } from 'node:fs'
import { string } from '@oclif/core/args'
import { diffPlans } from '#client/plan-diff.ts'
import { readPlanFile } from '#client/plan-file.ts'
import { refuseAltered } from '#client/signing.ts'
import type { Plan } from '#plan/plan.ts'
import { planDiffLines } from '#terminal/plan-diff.ts'
import { DaemonCommand } from '../base.ts'

export default class PlanDiff extends DaemonCommand {
  static override summary = 'Compare two plans: what people signed, or would sign.'
  static override description =
    'Each is a file that `plan --out` or `run show RUN --plan --json` wrote, or the name of a run. Compared is what the ' +
    'digest covers: sites, systems, order, steps with their inputs, assumptions with their bounds, runbooks and entries ' +
    'by digest. Two files need no daemon. ' +
    'Exit codes: 0 the same; 2 wrong use or no plan; 3 not allowed; 4 no such run; 5 a plan that is not what its digest ' +
    'says; 6 no daemon answers; 8 they differ.'
  static override examples = [
    '<%= config.bin %> plan diff plan-monday.json plan-today.json',
    '<%= config.bin %> plan diff RUN plan-today.json --site gwangju --json',
  ]
  static override args = {
    a: string({ required: true, description: 'File or run.' }),
    b: string({ required: true, description: 'File or run.' }),
  }

  async run() {
    const { args, flags } = await this.parse(PlanDiff)
    const read = async (name: string): Promise<Plan> => {
      const plan = isFile(name) ? readPlanFile(name).plan : await this.#planOf(name, flags)
      refuseAltered(plan)
      return plan
    }
    const diff = diffPlans(await read(args.a), await read(args.b))
    this.print(planDiffLines(diff, this.language))
    if (!diff.same) process.exitCode = 8
    return diff
  }

  async #planOf(run: string, flags: Parameters<DaemonCommand['client']>[0]): Promise<Plan> {
    const client = await this.client(flags)
    return (await client.call('runPlan', { params: { run } })).plan
  }
}

/** A file, or what can be nothing else: the name of a run has no slash, and does not end in `.json`. */
function isFile(name: string): boolean {
  return existsSync(name) || name.includes('/') || name.endsWith('.json')
}
