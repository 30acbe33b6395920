// npm run docs: writes the pages that are made from the code. With --check it writes nothing and ends with 1 when one
// is out of step: that is the gate, and it holds both ways, because a page is the whole list.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { commandsPage } from './commands.ts'
import { configurationPage } from './configuration.ts'
import { errorsPage } from './errors.ts'
import { metricsPage } from './metrics.ts'

const folder = join(import.meta.dirname, '..')

const pages: Record<string, () => string | Promise<string>> = {
  'errors.md': errorsPage,
  'commands.md': commandsPage,
  'configuration.md': configurationPage,
  'metrics.md': metricsPage,
}

const check = process.argv.includes('--check')
for (const [name, make] of Object.entries(pages)) {
  const path = join(folder, name)
  const notice = `<!-- Made from the code by \`npm run docs\`. Change the code, not this page. -->\n\n`
  const text = await format(notice + (await make()), {
    ...(await resolveConfig(path)),
    parser: 'markdown',
  })
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
  if (check) {
    console.log(`docs/${name} does not equal the code: run \`npm run docs\` and commit what it changed.`)
    process.exitCode = 1
  } else {
    writeFileSync(path, text)
    console.log(`docs/${name} written`)
  }
}
