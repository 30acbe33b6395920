// npm run docs: writes the pages that are made from the code. With --check it writes nothing and ends with 1 when one
// is out of step: that is the gate, and it holds both ways, because a page is the whole list.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { commandsPage } from './commands.ts'
import { configurationPage } from './configuration.ts'
import { errorsPage } from './errors.ts'
import { brokenLinks } from './links.ts'
import { metricsPage } from './metrics.ts'
import { openapiText } from './openapi.ts'
import { policySchemaText, runbookSchemaText } from './schemas.ts'
import { stepTypesPage } from './step-types.ts'

const folder = join(import.meta.dirname, '..')
const root = join(folder, '..')

const pages: Record<string, () => string | Promise<string>> = {
  'errors.md': errorsPage,
  'commands.md': commandsPage,
  'configuration.md': configurationPage,
  'metrics.md': metricsPage,
  'openapi.json': openapiText,
  'step-types.md': stepTypesPage,
  '../schemas/runbook.schema.json': runbookSchemaText,
  '../schemas/approval-policy.schema.json': policySchemaText,
}

const check = process.argv.includes('--check')
for (const [name, make] of Object.entries(pages)) {
  const path = join(folder, name)
  const isPage = name.endsWith('.md')
  const notice = `<!-- Made from the code by \`npm run docs\`. Change the code, not this page. -->\n\n`
  const text = await format((isPage ? notice : '') + (await make()), {
    ...(await resolveConfig(path)),
    parser: isPage ? 'markdown' : 'json',
  })
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
  if (check) {
    console.log(
      `${relative(root, path)} does not equal the code: run \`npm run docs\` and commit what it changed.`,
    )
    process.exitCode = 1
  } else {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    console.log(`${relative(root, path)} written`)
  }
}

for (const fault of brokenLinks(root)) {
  console.log(fault)
  process.exitCode = 1
}
