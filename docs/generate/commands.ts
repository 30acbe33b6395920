import type { Command } from '@oclif/core/command'
import { globSync } from 'node:fs'
import { loadConfig, root } from '../../bin/oclif.ts'

type Loadable = Command.Loadable
type Flag = Command.Flag.Cached

/** docs/commands.md: every command of the CLI with its arguments, flags and examples. */
export async function commandsPage(): Promise<string> {
  const config = await loadConfig(true)
  const commands = config.commands
    .filter((command) => !command.hidden && command.pluginType !== 'core-internal')
    .toSorted((a, b) => a.id.localeCompare(b.id, 'en'))
  // oclif leaves out a command that cannot be loaded, with a mere warning.
  const files = globSync(['commands/*.ts', 'commands/*/*.ts'], {
    cwd: root,
    exclude: ['commands/base.ts', '**/*.test.ts'],
  })
  const lost = files.filter(
    (file) => !commands.some(({ id }) => file === `commands/${id.replaceAll(':', '/')}.ts`),
  )
  if (lost.length > 0) throw new Error(`these commands cannot be loaded: ${lost.join(', ')}`)
  return [
    '# Commands\n',
    'Run them as `./haetae …` from the checkout. Every command takes `--help` and `--json`. Exit codes are those of',
    'the error that ended it: see [errors.md](errors.md).\n',
    ...commands.map(
      (command) => `- [\`haetae ${nameOf(command)}\`](#haetae-${command.id.replaceAll(':', '-')})`,
    ),
    '',
    ...commands.map(section),
  ].join('\n')
}

function nameOf(command: Loadable): string {
  return command.id.replaceAll(':', ' ')
}

function section(command: Loadable): string {
  const args = Object.values(command.args)
  const flags = Object.entries(command.flags).filter(([, flag]) => flag.hidden !== true)
  const own = flags.filter(([, flag]) => flag.helpGroup !== 'GLOBAL')
  const usage = args.map((arg) =>
    arg.required === true ? arg.name.toUpperCase() : `[${arg.name.toUpperCase()}]`,
  )
  return [
    `## haetae ${nameOf(command)}\n`,
    `${plain(command.summary ?? '')}\n`,
    command.description === undefined ? '' : `${plain(command.description)}\n`,
    `\`\`\`sh\nhaetae ${[nameOf(command), ...usage].join(' ')}${own.length > 0 ? ' [FLAGS]' : ''}\n\`\`\`\n`,
    ...args.map((arg) => `- \`${arg.name.toUpperCase()}\`: ${plain(arg.description ?? '')}`),
    ...own.map(([name, flag]) => `- ${flagText(name, flag)}`),
    '',
    ...examplesOf(command),
  ].join('\n')
}

function flagText(name: string, flag: Flag): string {
  const short = flag.char === undefined ? '' : `-${flag.char}, `
  const value =
    flag.type === 'option' ? `=${flag.options?.join('|') ?? flag.helpValue?.toString() ?? 'VALUE'}` : ''
  const required = flag.required === true ? ' (required)' : ''
  return `\`${short}--${name}${value}\`${required}: ${plain(flag.summary ?? flag.description ?? '')}`
}

function examplesOf(command: Loadable): string[] {
  const examples = (command.examples ?? []).map((example) =>
    typeof example === 'string'
      ? plain(example)
      : `# ${plain(example.description)}\n${plain(example.command)}`,
  )
  return examples.length === 0 ? [] : ['```sh', ...examples, '```', '']
}

/** Text of a command without oclif's templates. */
function plain(text: string): string {
  return text
    .replaceAll(/<%= *config\.bin *%>/g, 'haetae')
    .replaceAll(/<%= *command\.id *%>/g, '')
    .trim()
}
