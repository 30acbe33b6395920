import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Config } from '@oclif/core/config'
import type { Interfaces } from '@oclif/core'

export const root = join(import.meta.dirname, '..')

const topics = {
  backup: { description: 'What was copied where, when, and whether it can be restored.' },
  config: { description: 'The configuration in force.' },
  lab: { description: 'Two real data centers on this machine.' },
  run: { description: 'Runs: failovers that were requested, with what each step did or waits for.' },
  runbook: { description: 'Definitions of what is done, step by step.' },
  site: { description: 'Data centers as the daemon sees them.' },
  system: { description: 'Registered government information systems.' },
}

/**
 * oclif's configuration. `discover` reads every command, which help and docs need and a command that is known by its
 * file does not: without it the start is three times as fast, and there is no manifest that could be out of step.
 */
export async function loadConfig(discover: boolean): Promise<Config> {
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Interfaces.PJSON
  pjson.oclif = {
    bin: 'haetae',
    dirname: 'haetae',
    topicSeparator: ' ',
    topics,
    plugins: [],
    ...(discover
      ? {
          commands: {
            strategy: 'pattern',
            target: './commands',
            globPatterns: ['*.ts', '*/*.ts', '!base.ts', '!**/*.test.ts'],
          },
        }
      : {}),
  }
  const config = new Config({ root, pjson, isRoot: true } as Interfaces.Options)
  await config.load()
  return config
}
