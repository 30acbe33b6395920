import { string as text } from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import { string, option } from '@oclif/core/flags'
import { reasonOf } from '#client/arguments.ts'
import type { Client } from '#client/client.ts'
import type { Context } from '#client/context.ts'
import { HaetaeError, isHaetaeError, messageOf } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import { inLanguage, languageOf, type Language } from '#terminal/language.ts'
import { problemLines } from '#terminal/problem.ts'

/** Flags that every command has. */
const commonFlags = {
  lang: option({
    options: ['ko', 'en'] as const,
    helpGroup: 'GLOBAL',
    description: 'Language of messages and tables; else HAETAE_LANG or the locale.',
  })(),
}

/** Flags of commands that talk to a daemon. */
const daemonFlags = {
  site: string({
    helpGroup: 'GLOBAL',
    helpValue: 'SITE',
    description: 'Ask the daemon of this site; else the default of the context.',
  }),
  as: string({
    helpGroup: 'GLOBAL',
    helpValue: 'NAME',
    description: 'Sign as this person; else the principal of the context.',
  }),
  context: string({
    helpGroup: 'GLOBAL',
    helpValue: 'FILE',
    description: 'File with sites and keys; else HAETAE_CONTEXT or the nearest .haetae/context.json.',
  }),
}

interface GlobalFlags {
  lang?: string | undefined
  site?: string | undefined
  as?: string | undefined
  context?: string | undefined
}

/**
 * What every command shares: `--json` (the value that `run` returns), `--lang`, and errors of the catalogue with
 * what, where, why, what to do, and their exit code. A command returns data and prints lines with `log`.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true
  static override baseFlags: typeof commonFlags = commonFlags

  /** Known before flags are parsed, so that a wrong flag is explained in the right language too. */
  get language(): Language {
    const at = this.argv.findIndex((word) => word === '--lang' || word.startsWith('--lang='))
    const word = this.argv[at]
    const said = word === undefined ? undefined : word.includes('=') ? word.slice(7) : this.argv[at + 1]
    return languageOf(said, process.env)
  }

  /** A text in the person's language. */
  text(text: Localized | string | null | undefined): string {
    return inLanguage(text, this.language)
  }

  /** Korean or English, as the person reads. */
  say(ko: string, en: string): string {
    return this.language === 'ko' ? ko : en
  }

  print(lines: readonly string[]): void {
    for (const line of lines) this.log(line)
  }

  override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`)
  }

  /** Renders what went wrong and sets the exit code; nothing is thrown further. */
  override async catch(error: Error & { oclif?: { exit?: number }; parse?: unknown }): Promise<void> {
    if (error.oclif?.exit !== undefined && error.message.startsWith('EEXIT')) {
      process.exitCode = error.oclif.exit
      return
    }
    const known = this.#known(error)
    process.exitCode = known.exitCode
    if (this.jsonEnabled()) this.logJson({ error: known.toProblem() })
    else process.stderr.write(`${problemLines(known, this.language).join('\n')}\n`)
    if (known.code === 'defect' && process.env['HAETAE_DEBUG'] !== undefined) {
      process.stderr.write(`${error.stack ?? ''}\n`)
    }
  }

  #known(error: Error & { oclif?: { exit?: number }; parse?: unknown }): HaetaeError {
    if (isHaetaeError(error)) return error
    const name = (this.id ?? '').replaceAll(':', ' ')
    if (error.parse !== undefined || error.oclif?.exit === 2) {
      const why = error.message
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('See more'))
        .join(' ')
      return new HaetaeError('usage-wrong', `haetae ${name}`, {
        why,
        remedy: {
          en: `See \`haetae ${name} --help\` for arguments, flags and an example.`,
          ko: `\`haetae ${name} --help\`에서 인자와 옵션, 예시를 확인하십시오.`,
        },
        cause: error,
      })
    }
    return new HaetaeError('defect', `haetae ${name}`, {
      why: messageOf(error),
      remedy: 'Repeat it with HAETAE_DEBUG=1 and report the output.',
      cause: error,
    })
  }
}

/** A command that talks to a daemon. */
export abstract class DaemonCommand extends BaseCommand {
  static override baseFlags: typeof commonFlags & typeof daemonFlags = { ...commonFlags, ...daemonFlags }

  /** A client of the site that the flags or the context name. */
  async client(flags: GlobalFlags): Promise<Client> {
    const { Client: Made } = await import('#client/client.ts')
    return new Made({ context: await this.context(flags), site: flags.site, as: flags.as })
  }

  async context(flags: GlobalFlags): Promise<Context> {
    const { contextFile, loadContext } = await import('#client/context.ts')
    return loadContext(contextFile(flags.context, process.env))
  }
}

/**
 * Argument of commands about one run. Each names it as its own: oclif takes flags from base classes, and arguments not.
 */
export const runArg = { run: text({ required: true, description: 'Name of the run.' }) }

/** Flag of what is asked of a run. */
const reasonFlag = {
  reason: string({ required: true, helpValue: 'TEXT', description: 'Why; it stays on record.' }),
}

/** A command that asks something of a run, with a reason. */
export abstract class RunVerbCommand extends DaemonCommand {
  static override baseFlags: typeof DaemonCommand.baseFlags & typeof reasonFlag = {
    ...DaemonCommand.baseFlags,
    ...reasonFlag,
  }

  /** What each of them sends, and with what. Throws `usage-wrong` for a reason that says nothing. */
  async asking(run: string, flags: GlobalFlags & { reason: string }) {
    const reason = reasonOf(flags.reason)
    return { client: await this.client(flags), params: { run }, reason }
  }
}

/** Every page of a list. */
export async function allPages<T>(
  fetchPage: (cursor: string | undefined) => Promise<{ items: T[]; next: string | null }>,
): Promise<T[]> {
  const items: T[] = []
  for (let cursor: string | undefined; ;) {
    const page = await fetchPage(cursor)
    items.push(...page.items)
    if (page.next === null) return items
    cursor = page.next
  }
}
