import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout that this bootstrap belongs to. */
export const checkout = dirname(dirname(fileURLToPath(import.meta.url)))

/** Where Haetae keeps what is costly to make again: `$XDG_CACHE_HOME/haetae`, or `~/.cache/haetae`. */
export function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME
  return join(base !== undefined && base.startsWith('/') ? base : join(homedir(), '.cache'), 'haetae')
}

/** The Node that the packages bring (26), whatever the machine has. */
export const packagedNode = join(checkout, 'node_modules/.bin/node')

/**
 * An environment in which `node` and the tools of node_modules are found first, and in which every process of Node that
 * is started, by a test a hundred times, finds its modules compiled. The cache is keyed by content, so it is never stale.
 * @returns {NodeJS.ProcessEnv}
 */
export function toolEnvironment() {
  return {
    NODE_COMPILE_CACHE: join(cacheFolder(), 'compile-cache'),
    ...process.env,
    PATH: [join(checkout, 'node_modules/.bin'), process.env.PATH].join(delimiter),
  }
}

/**
 * The path of a program, looked up as a shell would, and in further folders after that.
 * @param {string} name @param {string[]} [further]
 */
export function programPath(name, further = []) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...further]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** @param {string} file inside the checkout */
export function readCheckout(file) {
  return readFileSync(join(checkout, file), 'utf8')
}
