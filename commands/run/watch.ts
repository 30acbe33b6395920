import { integer } from '@oclif/core/flags'
import type { Client } from '#client/client.ts'
import { watchRun } from '#client/watch.ts'
import { paint, paintOfState } from '#terminal/paint.ts'
import { WatchScreen } from '#terminal/watch-screen.ts'
import { DaemonCommand, runArg } from '../base.ts'

const exitWhenNotSucceeded = 7

export default class RunWatch extends DaemonCommand {
  static override summary =
    'Watch a run live until it ends: every step, by waves, what waits for what, and time against RTO.'
  static override description =
    'On a terminal a board of all systems stays below what happens; elsewhere each entry is a line. ' +
    'It goes on by itself after the daemon was restarted, without a gap. With --json: one object a line. ' +
    'Exit codes: 0 the run succeeded; 7 it failed, was canceled or was rolled back; 2 wrong use; 3 not allowed; 4 no such run; ' +
    '6 no daemon answers at the start.'
  static override examples = [
    '<%= config.bin %> run watch RUN --site gwangju',
    '<%= config.bin %> run watch RUN --from 120 --json',
  ]
  static override args = runArg
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
    const ended = this.jsonEnabled()
      ? await this.#asJson(client, args.run, flags.from)
      : await this.#onScreen(client, args.run, flags.from)
    if (ended !== 'succeeded') process.exitCode = exitWhenNotSucceeded
    return undefined
  }

  async #asJson(client: Client, run: string, from: number): Promise<string> {
    const ended = await watchRun(client, run, from, {
      entry: (entry) => void process.stdout.write(`${JSON.stringify(entry)}\n`),
      standing: () => undefined,
      lost: (why) => void process.stderr.write(`${why}\n`),
      back: () => undefined,
    })
    process.stdout.write(`${JSON.stringify({ end: ended })}\n`)
    return ended
  }

  async #onScreen(client: Client, run: string, from: number): Promise<string> {
    const screen = new WatchScreen(process.stdout, this.language)
    const lost = this.say(
      '데몬이 응답하지 않습니다. 계속 시도합니다',
      'the daemon does not answer; trying again',
    )
    const back = (seq: number) => this.say(`다시 연결됨, ${seq}번부터`, `connected again, from entry ${seq}`)
    try {
      const ended = await watchRun(client, run, from, {
        entry: (entry) => screen.entry(entry),
        standing: (detail) => screen.standing(detail),
        lost: (why) => screen.line(paint('yellow', `${lost}: ${why}`)),
        back: (seq) => screen.line(paint('green', back(seq))),
      })
      screen.standing(await client.call('runShow', { params: { run } }))
      screen.close()
      const colour = paintOfState(ended)
      this.log(`${this.say('실행 종료', 'The run has ended')}: ${colour ? paint(colour, ended) : ended}`)
      return ended
    } finally {
      screen.close()
    }
  }
}
