import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'
import type { ImageSpec } from './build.ts'
import { baseRootFs, type RootFs } from './root-fs.ts'

export const webUser = 5433

const sources = join(import.meta.dirname, '..', 'services', 'web')

/** The image of a system's web service: this Node, the service's sources with their types stripped, and pg. */
export async function webImage(node = process.execPath): Promise<ImageSpec> {
  const program = realpathSync(node)
  const root = baseRootFs([{ name: 'web', uid: webUser, home: '/app' }])
  root.file(program, 'usr/bin/node')
  await root.libraries([program])
  for (const name of readdirSync(sources)) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue
    root.text(join('app', name.replace(/\.ts$/, '.js')), strip(readFileSync(join(sources, name), 'utf8')))
  }
  root.text('app/package.json', '{"type":"module"}')
  addPackages(root, ['pg'])
  return {
    name: 'haetae-lab/web',
    root,
    entrypoint: ['/usr/bin/node', '--max-semi-space-size=1', '--max-old-space-size=96', '/app/main.js'],
    env: ['PATH=/usr/bin:/bin', 'NODE_ENV=production', 'UV_THREADPOOL_SIZE=2'],
    user: String(webUser),
  }
}

/** Types stripped, and relative imports pointed at the stripped files. */
function strip(source: string): string {
  return withoutWarning(() => stripTypeScriptTypes(source)).replaceAll(/(from\s+'\.\/[\w-]+)\.ts'/g, "$1.js'")
}

/** Node warns that stripping is experimental: the lab's output is not the place for it. */
function withoutWarning<T>(work: () => T): T {
  const { emitWarning } = process
  process.emitWarning = () => undefined
  try {
    return work()
  } finally {
    process.emitWarning = emitWarning
  }
}

/** Copies packages and everything that they depend on into `app/node_modules`. */
function addPackages(root: RootFs, names: string[]): void {
  const seen = new Set<string>()
  const queue = names.map((name) => ({ name, from: join(sources, 'main.ts') }))
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (seen.has(next.name)) continue
    seen.add(next.name)
    const manifest = findManifest(next.name, next.from)
    if (manifest === undefined) continue
    const folder = dirname(manifest)
    root.tree(folder, join('app/node_modules', next.name), isRuntimeFile)
    const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      dependencies?: Record<string, string>
    }
    for (const name of Object.keys(dependencies)) queue.push({ name, from: manifest })
  }
}

function findManifest(name: string, from: string): string | undefined {
  const folders = createRequire(from).resolve.paths(name) ?? []
  return folders
    .map((folder) => join(folder, name, 'package.json'))
    .find((path) => {
      try {
        return readFileSync(path) !== undefined
      } catch {
        return false
      }
    })
}

function isRuntimeFile(relative: string): boolean {
  return !/(^|\/)node_modules\//.test(relative) && /\.(c?js|mjs|json)$/.test(relative)
}
