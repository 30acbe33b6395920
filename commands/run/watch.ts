import { string as text } from '@oclif/core/args'
import { integer } from '@oclif/core/flags'
import { watchRun } from '#client/watch.ts'
import { Footer } from '#terminal/footer.ts'
import { entryLine, gateLine, questionLines, saidLines, waitingLines } from '#terminal/run.ts'
import { paint, paintOfState } from '#terminal/paint.ts'
import { DaemonCommand } from '../base.ts'

const exitWhenNotSucceeded = 7

export default class RunWatch extends DaemonCommand {
  static override summary =
    'Watch a run live until it ends: every entry of its journal, and what waits for what.'
  static override description =
    'It goes on by itself after the daemon was restarted, without a gap. With --json: one object a line. ' +
    'Exit codes: 0 the run succeeded; 7 it failed or was canceled; 2 wrong use; 3 not allowed; 4 no such run; ' +
    '6 no daemon answers at the start.'
  static override examples = [
    '<%= config.bin %> run watch RUN --site gwangju',
    '<%= config.bin %> run watch RUN --from 120 --json',
  ]
  static override args = { run: text({ required: true, description: 'Name of the run.' }) }
  static override flags = {
    from: integer({
      default: 1,
      min: 0,
      helpValue: 'SEQ',
      description: 'First entry of the journal to show.',
    }),
  }

  async run(): Promise<undefined> {
    const { args, flags } = await this.parse(RunWatch)
    const client = await this.client(flags)
    const json = this.jsonEnabled()
    const footer = new Footer(json ? undefined : process.stdout)
    const ended = await watchRun(client, args.run, flags.from, {
      entry: (entry) => {
        if (json) process.stdout.write(`${JSON.stringify(entry)}\n`)
        else footer.line(entryLine(entry, this.language))
      },
      standing: (run) => {
        if (json) return
        footer.show([
          ...saidLines(run, this.language),
          ...run.gates.filter((gate) => gate.state !== 'passed').map((gate) => gateLine(gate, this.language)),
          ...questionLines(run, this.language),
          ...waitingLines(run, this.language),
        ])
      },
      lost: (why) => {
        const said = this.say(
          '데몬이 응답하지 않습니다. 계속 시도합니다',
          'the daemon does not answer; trying again',
        )
        if (json) process.stderr.write(`${why}\n`)
        else footer.line(paint('yellow', `${said}: ${why}`))
      },
      back: (seq) => {
        if (!json)
          footer.line(
            paint('green', this.say(`다시 연결됨, ${seq}번부터`, `connected again, from entry ${seq}`)),
          )
      },
    })
    footer.close()
    const colour = paintOfState(ended)
    if (json) process.stdout.write(`${JSON.stringify({ end: ended })}\n`)
    else this.log(`${this.say('실행 종료', 'The run has ended')}: ${colour ? paint(colour, ended) : ended}`)
    if (ended !== 'succeeded') process.exitCode = exitWhenNotSucceeded
    return undefined
  }
}
