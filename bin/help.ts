import type { Config } from '@oclif/core/config'
import { Help } from '@oclif/core/help'
import { HaetaeError } from '#model/errors.ts'
import { languageOf } from '#terminal/language.ts'
import { problemLines } from '#terminal/problem.ts'

/** Help for what was asked, or, for words that are no command, the error and the nearest commands. */
export async function helpOrMistake(config: Config, argv: readonly string[]): Promise<void> {
  const words = argv.filter((word) => !word.startsWith('-') && word !== 'help')
  if (argv[0] === '--version') {
    process.stdout.write(`${config.version}\n`)
    return
  }
  const id = [2, 1].map((count) => words.slice(0, count).join(':')).find((one) => isKnown(config, one))
  // `system lits`: the topic is there, the command is not.
  const mistyped =
    words.length > 1 && id !== undefined && id === words[0] && config.findCommand(id) === undefined
  if (words.length === 0 || (id !== undefined && !mistyped)) {
    await new Help(config, { maxWidth: 100 }).showHelp(id === undefined ? [] : [id])
    return
  }
  const typed = words.slice(0, 2).join(' ')
  const error = new HaetaeError('usage-wrong', typed === '' ? argv.join(' ') : typed, {
    why: `there is no such command; near it: ${nearest(config, words).join(', ')}`,
    remedy: 'See all commands with `haetae --help`.',
  })
  if (argv.includes('--json'))
    process.stdout.write(`${JSON.stringify({ error: error.toProblem() }, null, 2)}\n`)
  else process.stderr.write(`${problemLines(error, languageOf(undefined, process.env)).join('\n')}\n`)
  process.exitCode = error.exitCode
}

function isKnown(config: Config, id: string): boolean {
  return id !== '' && (config.findCommand(id) !== undefined || config.findTopic(id) !== undefined)
}

/** Up to three commands that share the most letters with what was typed. */
function nearest(config: Config, words: readonly string[]): string[] {
  const typed = new Set(pairs(words.slice(0, 2).join(' ')))
  return config.commandIDs
    .map((id) => id.replaceAll(':', ' '))
    .map((name) => ({ name, shared: pairs(name).filter((pair) => typed.has(pair)).length / name.length }))
    .toSorted((a, b) => b.shared - a.shared)
    .slice(0, 3)
    .map(({ name }) => name)
}

function pairs(text: string): string[] {
  return [...text].slice(1).map((char, index) => `${text[index]}${char}`)
}
