import { parseArgs } from 'node:util'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { languageOf, type Language } from '#terminal/language.ts'

export interface DrillOptions {
  /** Waits for a person at each decision instead of signing with the lab's keys. */
  interactive: boolean
  /** The system whose replication is cut before the loss, so that acknowledged transactions are lost. */
  lag: string | undefined
  language: Language
  help: boolean
}

/** Reads the arguments of `npm run drill -- …`. Throws `usage-wrong`. */
export function readOptions(argv: readonly string[], env: NodeJS.ProcessEnv): DrillOptions {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        interactive: { type: 'boolean', default: false },
        lag: { type: 'string' },
        lang: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    return {
      interactive: values.interactive,
      lag: values.lag?.toUpperCase(),
      language: languageOf(values.lang, env),
      help: values.help,
    }
  } catch (cause) {
    throw new HaetaeError('usage-wrong', 'npm run drill', {
      why: messageOf(cause),
      remedy: 'See `npm run drill -- --help`.',
      cause,
    })
  }
}

export const help = `Loses a data center in the lab, and recovers its systems at the other one.

usage: npm run drill -- [--interactive] [--lag SYSTEM] [--lang ko|en]

  --interactive   wait for a person at each decision, and print the command that gives it
  --lag SYSTEM    cut the replication of this system before the loss: acknowledged transactions are then lost,
                  and the report lists them
  --lang ko|en    language of what is printed; the report has both

example: npm run drill -- --lag G2B
`
