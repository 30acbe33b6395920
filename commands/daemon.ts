import { string } from '@oclif/core/flags'
import { BaseCommand } from './base.ts'

export default class Daemon extends BaseCommand {
  static override summary = "Run this site's daemon until it is told to stop (SIGTERM, Ctrl-C)."
  static override description =
    'Every key of the file can be overridden by HAETAE_… (listen.port: HAETAE_LISTEN_PORT); see `config show`. ' +
    'Exit codes: 0 stopped in order; 2 wrong use or configuration; 5 another daemon has the data folder; ' +
    '6 something that it needs cannot be had.'
  static override examples = ['<%= config.bin %> daemon --config gwangju.yaml']
  static override flags = {
    config: string({ helpValue: 'FILE', description: 'Configuration; else HAETAE_… variables alone.' }),
  }

  async run(): Promise<undefined> {
    const { flags } = await this.parse(Daemon)
    const { runDaemon } = await import('#daemon/run.ts')
    await runDaemon(flags.config)
    return undefined
  }
}
