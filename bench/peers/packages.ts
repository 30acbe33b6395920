import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockedPackagesInstalled, npmInstall } from '../../bootstrap/npm-packages.mjs'

// The packages of the peers are installed beside this file, on demand: the product and its tests do not carry them.
// So their types are not here either, and each adapter says in an interface what it uses.

const here = import.meta.dirname

/** Installs what package-lock.json of this folder says, where that is not there. */
export async function installPeers(say: (line: string) => void): Promise<void> {
  if (lockedPackagesInstalled(here)) return
  say('installing the peers from npm into bench/peers/node_modules (about 240 MB), without install scripts')
  const { code, output } = await npmInstall(here, '--ignore-scripts')
  if (code === 0 && lockedPackagesInstalled(here)) return
  throw new Error(
    `the peers could not be installed; \`npm run bench -- engine --alone\` measures without them. npm said:\n${output.trim().split('\n').slice(-12).join('\n')}`,
  )
}

export async function packageOf<T>(name: string): Promise<T> {
  return (await import(name)) as T
}

export function versionOf(name: string): string {
  const { version } = JSON.parse(readFileSync(join(here, 'node_modules', name, 'package.json'), 'utf8')) as {
    version: string
  }
  return version
}

/** The binary of Restate's server for this machine. Throws when its package has none. */
export function restateServer(): string {
  const platform = `${process.platform}-${process.arch}`
  const file = join(here, 'node_modules/@restatedev', `restate-server-${platform}`, 'bin/restate-server')
  if (existsSync(file)) return file
  throw new Error(`Restate brings no server for ${platform}`)
}
