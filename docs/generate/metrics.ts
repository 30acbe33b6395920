import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const source = join(import.meta.dirname, '../../src')
const text = String.raw`'((?:[^'\\]|\\.)*)'`
/** A call of the metrics port with its name, help and labels as literals: the port takes nothing else in practice. */
const declaration = new RegExp(
  String.raw`metrics\.(gauge|counter|histogram)\(\s*${text},\s*${text},?\s*(?:\[([^\]]*)\])?`,
  'g',
)

/** Refuses a declaration that the page could not show, rather than leave it out. */
function declarationsIn(file: string): RegExpExecArray[] {
  const code = readFileSync(join(source, file), 'utf8')
  const found = [...code.matchAll(declaration)]
  const calls = [...code.matchAll(/metrics\.(?:gauge|counter|histogram)\(/g)]
  if (found.length === calls.length) return found
  throw new Error(
    `src/${file}: give every metric its name and help as plain literals, so that docs/metrics.md can list it`,
  )
}

/** docs/metrics.md: every metric that a daemon exports by itself (those of the Node process come on top). */
export function metricsPage(): string {
  const rows = globSync('**/*.ts', { cwd: source })
    .filter((file) => !file.endsWith('.test.ts') && file !== 'platform/metrics.ts')
    .flatMap(declarationsIn)
    .map(([, kind, name, help, labels]) => {
      const names = [...(labels ?? '').matchAll(/'([^']+)'/g)].map((label) => `\`${label[1] ?? ''}\``)
      return `| \`${name ?? ''}\` | ${kind ?? ''} | ${names.join(', ')} | ${help ?? ''} |`
    })
    .toSorted()
  return [
    '# Metrics\n',
    'A daemon exports these at `/metrics`, beside the usual ones of its process (`haetae_process_…`, `haetae_nodejs_…`).',
    'Labels are never `job`, `instance` or `namespace`: Prometheus sets those itself.\n',
    '| metric | kind | labels | meaning |\n| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}
