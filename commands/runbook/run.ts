import { string as text } from '@oclif/core/args'
import { boolean, string } from '@oclif/core/flags'
import type { RunDetail } from '#api/schema/run.ts'
import { inputsOf, reasonOf, systemsOf } from '#client/arguments.ts'
import { refuseAltered, signDeclaration } from '#client/signing.ts'
import { confirmName } from '#terminal/confirm.ts'
import { planLines } from '#terminal/plan.ts'
import { gateLine } from '#terminal/gate.ts'
import { DaemonCommand } from '../base.ts'

export default class RunbookRun extends DaemonCommand {
  static override summary =
    'Run a runbook on systems where they are active: show the plan, sign it, create the run.'
  static override description =
    'For runbooks of the mode `operation`: nothing moves and no site is lost. The site where the systems are active ' +
    'executes: name it with --site. A run without gates begins at once; one with gates waits until people have ' +
    'approved it, and whoever requests it never counts among them. ' +
    'Exit codes: 0; 2 wrong use, a wrong input, or not confirmed; 3 not allowed; 4 no such runbook or system; ' +
    '5 not active at this site, held by another run, or no plan; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> runbook run pause-writers --systems AID --input seconds=600 --reason "storage is changed" --site daejeon',
    '<%= config.bin %> runbook run resume-writers --systems AID --reason "storage is back" --confirm resume-writers',
    '<%= config.bin %> runbook run pause-writers --systems AID,GPK --plan-only',
  ]
  static override args = {
    runbook: text({ required: true, description: 'Name of the runbook in the catalogue.' }),
  }
  static override flags = {
    systems: string({ required: true, helpValue: 'A,B', description: 'The systems that it is run on.' }),
    input: string({
      multiple: true,
      helpValue: 'NAME=VALUE',
      description: 'An input that the runbook declares; a list by commas.',
    }),
    reason: string({ default: '', helpValue: 'TEXT', description: 'Why; it is signed and stays on record.' }),
    confirm: string({ helpValue: 'RUNBOOK', description: "The runbook's name, instead of typing it back." }),
    quiet: boolean({ description: 'Do not show the plan.' }),
    'plan-only': boolean({ description: 'Show the plan and stop: nothing is signed, stored or changed.' }),
  }

  async run() {
    const { args, flags } = await this.parse(RunbookRun)
    const reason = flags['plan-only'] ? '' : reasonOf(flags.reason)
    const client = await this.client(flags)
    const known = await client.call('runbookShow', { params: { runbook: args.runbook } })
    const request = {
      runbook: args.runbook,
      systems: systemsOf(flags.systems).systems ?? [],
      inputs: inputsOf(flags.input ?? [], known.inputs),
    }
    const draft = await client.call('planOperation', { body: request })
    refuseAltered(draft.plan)
    if (!flags.quiet) this.print([...planLines(draft.plan, this.language), ''])
    if (flags['plan-only']) return draft
    const { principal } = client.identity
    await confirmName(
      args.runbook,
      flags.confirm,
      this.say(
        `${principal} 이름으로 이 작업을 요청합니다. 런북의 이름을 입력하십시오: `,
        `You request this operation as ${principal}. Type the name of the runbook: `,
      ),
    )
    const declaration = await signDeclaration(draft, client.signing, reason, Date.now())
    const run = await client.call('declareOperation', { body: { ...request, run: draft.run, declaration } })
    this.print(this.#created(run, flags.site === undefined ? '' : ` --site ${flags.site}`))
    return run
  }

  #created({ id, gates }: RunDetail, site: string): string[] {
    return [
      gates.length === 0
        ? this.say(`실행 ${id}이(가) 만들어져 시작됩니다.`, `Run ${id} is created, and begins.`)
        : this.say(
            `실행 ${id}이(가) 만들어졌습니다. 결정을 기다립니다:`,
            `Run ${id} is created, and waits for people:`,
          ),
      ...gates.map((gate) => `  ${gateLine(gate, this.language)}`),
      '',
      this.say('다음 명령:', 'Next:'),
      ...gates.map(({ gate }) => `  haetae approve ${id} --gate ${gate} --reason TEXT${site} --as NAME`),
      `  haetae run watch ${id}${site}`,
    ]
  }
}
