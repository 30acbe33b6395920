import { driftLines, isSame } from '#terminal/drift.ts'
import { DaemonCommand, runArg } from '../base.ts'

export default class RunDrift extends DaemonCommand {
  static override summary = 'Show what has changed since the plan of a run was made.'
  static override description =
    'Looks at the world again as planning did, for steps that have not begun, and proves the assumptions. What a step ' +
    'finds there is only told; a broken assumption, or actions that would be planned otherwise now, void the approvals ' +
    'when the run comes to them. Of a fleet: the systems that would be planned otherwise by now, with what differs. ' +
    'Changes nothing itself. ' +
    'Exit codes: 0 nothing has changed; 2 wrong use; 3 not allowed; 4 no such run; 5 the run has ended; ' +
    '6 no daemon answers; 8 something has changed.'
  static override examples = [
    '<%= config.bin %> run drift RUN --site gwangju',
    '<%= config.bin %> run drift RUN --json',
  ]
  static override args = runArg

  async run() {
    const { args, flags } = await this.parse(RunDrift)
    const client = await this.client(flags)
    const drift = await client.call('runDrift', { params: { run: args.run } })
    this.print(driftLines(drift, this.language))
    if (!isSame(drift)) process.exitCode = 8
    return drift
  }
}
