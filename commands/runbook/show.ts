import { string as text } from '@oclif/core/args'
import { option } from '@oclif/core/flags'
import type { RunbookDetail } from '#api/schema/estate.ts'
import { graphLines } from '#terminal/graph.ts'
import { mermaidText, svgText } from '#terminal/graph-drawing.ts'
import { table } from '#terminal/table.ts'
import { allPages, DaemonCommand } from '../base.ts'

export default class RunbookShow extends DaemonCommand {
  static override summary = 'Draw the steps of a runbook; without a name, list the runbooks of the catalogue.'
  static override description =
    'A file is drawn offline, and has to be free of mistakes. `!` marks a point of no return. ' +
    'Exit codes: 0; 2 wrong use or a runbook with mistakes; 3 not allowed; 4 no such runbook; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> runbook show',
    '<%= config.bin %> runbook show failover-postgres-web --lang ko',
    '<%= config.bin %> runbook show runbooks/failover-postgres-web.yaml',
    '<%= config.bin %> runbook show failover-postgres-web --graph svg > failover.svg',
  ]
  static override args = { runbook: text({ description: 'Name in the catalogue, or a file.' }) }
  static override flags = {
    graph: option({
      options: ['terminal', 'mermaid', 'svg'] as const,
      default: 'terminal' as const,
      description: 'How to draw it; mermaid and svg print nothing else.',
    })(),
  }

  async run() {
    const { args, flags } = await this.parse(RunbookShow)
    const asked = args.runbook
    if (asked !== undefined && /[/.]/.test(asked)) return this.#show(await fromFile(asked), flags.graph)
    const client = await this.client(flags)
    if (asked !== undefined)
      return this.#show(await client.call('runbookShow', { params: { runbook: asked } }), flags.graph)
    const items = await allPages((cursor) => client.call('runbookList', { query: { cursor } }))
    this.print(
      table(
        [
          { title: this.say('런북', 'runbook'), text: (one) => one.name },
          { title: this.say('이름', 'title'), text: (one) => this.text(one.title), shrink: true },
          { title: this.say('용도', 'modes'), text: (one) => one.modes.join(', ') },
          { title: this.say('단계', 'steps'), text: (one) => String(one.steps) },
          { title: this.say('요약값', 'digest'), text: (one) => one.digest.slice(0, 19) },
        ],
        items,
      ),
    )
    return { items }
  }

  #inputLine({ name, type, title, default: usual }: RunbookDetail['inputs'][number]): string {
    const given =
      usual === null
        ? this.say('반드시 입력', 'must be given')
        : `${this.say('기본', 'default')} ${JSON.stringify(usual)}`
    return `${this.say('입력', 'input')} ${name} (${type}, ${given}): ${this.text(title)}`
  }

  #show(runbook: RunbookDetail, graph: 'terminal' | 'mermaid' | 'svg'): RunbookDetail {
    if (graph !== 'terminal') {
      const draw = graph === 'svg' ? svgText : mermaidText
      this.log(draw(runbook.graph, this.language))
      return runbook
    }
    this.print([
      `${runbook.name}: ${this.text(runbook.title)}`,
      `${this.say('용도', 'modes')}: ${runbook.modes.join(', ')}   ${runbook.digest}`,
      ...runbook.inputs.map((input) => this.#inputLine(input)),
      '',
      ...graphLines(runbook.graph, this.language),
    ])
    return runbook
  }
}

/** Throws `runbook-invalid` or `runbook-unreadable`. */
async function fromFile(file: string): Promise<RunbookDetail> {
  const [{ loadRunbooks }, { stepTypes }] = await Promise.all([
    import('#runbook/load.ts'),
    import('#steps/index.ts'),
  ])
  // What it calls stands beside it and is found there.
  const loaded = [...(await loadRunbooks([file], { stepTypes, sites: [] })).values()]
  const { runbookDetail } = await import('#api/runbook-view.ts')
  return runbookDetail(loaded[0] as NonNullable<(typeof loaded)[0]>, stepTypes)
}
