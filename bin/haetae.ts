import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from '@oclif/core'
import { loadConfig, root } from './oclif.ts'

type CommandClass = typeof Command & {
  run(argv: string[], config: unknown): Promise<unknown>
}

interface Found {
  id: string
  file: string
  argv: string[]
}

// A reader that goes away (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

/** The command's file by its words: `system list` is commands/system/list.ts. Undefined for help and mistakes. */
function findCommand(argv: readonly string[]): Found | undefined {
  const words = argv.slice(0, 2).filter((word) => /^[a-z][a-z-]*$/.test(word))
  for (let count = words.length; count > 0; count -= 1) {
    const file = join(root, 'commands', `${words.slice(0, count).join('/')}.ts`)
    if (words.join() !== 'base' && existsSync(file)) {
      return { id: words.slice(0, count).join(':'), file, argv: argv.slice(count) }
    }
  }
  return undefined
}

async function main(argv: readonly string[]): Promise<void> {
  const found = findCommand(argv)
  const options = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  if (found === undefined || options.includes('--help') || options.includes('-h')) {
    const { helpOrMistake } = await import('./help.ts')
    await helpOrMistake(await loadConfig(true), argv)
    return
  }
  const [config, loaded] = await Promise.all([
    loadConfig(false),
    import(pathToFileURL(found.file).href) as Promise<{ default: CommandClass }>,
  ])
  loaded.default.id = found.id
  await loaded.default.run(found.argv, config)
}

await main(process.argv.slice(2))
