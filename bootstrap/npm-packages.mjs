import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ask, runChild, stopIfInterrupted } from './child.mjs'
import { checkout, packagedNode, readCheckout } from './place.mjs'
import { Progress, say, Stop } from './say.mjs'

const modules = join(checkout, 'node_modules')

/** @typedef {{version?: string, optional?: boolean, peer?: boolean, integrity?: string}} Locked */

/** @param {string} text @returns {Record<string, Locked>} */
function lockedPackages(text) {
  return JSON.parse(text).packages ?? {}
}

/** The version of the packaged Node that package.json asks for, such as `26.10.0`. */
function nodeWanted() {
  return JSON.parse(readCheckout('package.json')).devDependencies.node
}

/** True when node_modules holds what package-lock.json says, and the packaged Node runs. */
export function npmPackagesInstalled() {
  return lockedPackagesInstalled(checkout) && packagedNodeRuns()
}

/** True when the node_modules of a folder hold what its package-lock.json says. @param {string} folder */
export function lockedPackagesInstalled(folder) {
  const installed = join(folder, 'node_modules/.package-lock.json')
  if (!existsSync(installed)) return false
  const wanted = lockedPackages(readFileSync(join(folder, 'package-lock.json'), 'utf8'))
  const present = lockedPackages(readFileSync(installed, 'utf8'))
  return Object.entries(wanted).every(
    // What is optional is for other kinds of machine.
    ([path, { version, optional }]) => path === '' || optional === true || present[path]?.version === version,
  )
}

function packagedNodeRuns() {
  return ask(packagedNode, ['--version']) === `v${nodeWanted()}`
}

/**
 * Installs the packages of a folder's package-lock.json. Not by `npm ci`: it refuses a lock file that lacks an optional
 * package of another platform, which a registry without that package makes npm write. That exactly the locked versions
 * are there is to be checked afterwards instead.
 * @param {string} folder @param {string[]} options
 */
export function npmInstall(folder, ...options) {
  return runChild(
    'npm',
    ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', ...options],
    { cwd: folder },
  )
}

/** Installs the npm packages of package-lock.json, and the packaged Node. */
export async function installNpmPackages() {
  const progress = new Progress('npm packages', { estimate: false })
  const poll = setInterval(() => progress.set(0, `${countPackages()} so far`), 500)
  const { code, output } = await npmInstall(checkout)
  clearInterval(poll)
  progress.end(code === 0 ? `${countPackages()} installed` : undefined)
  if (code !== 0) {
    // A half-filled folder would look installed to other tools.
    rmSync(modules, { recursive: true, force: true })
    stopIfInterrupted('Stopped as asked. The half-installed node_modules was removed.')
    throw new Stop(
      `npm could not install the packages; the registry or the network may be at fault. npm said:\n${lastLines(output)}`,
    )
  }
  await ensurePackagedNode()
  if (!npmPackagesInstalled()) {
    throw new Stop(
      'npm installed other versions than package-lock.json says: package.json and the lock file disagree. Run `npm install` and commit the lock file.',
    )
  }
}

/** The package `node` brings its binary by an install script, which a user's npm settings may have skipped. */
async function ensurePackagedNode() {
  if (packagedNodeRuns()) return
  say(
    '  npm is set to skip install scripts; running the one of the package `node`, which brings Node itself.',
  )
  const { output } = await runChild(
    'npm',
    ['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error'],
    {
      cwd: checkout,
    },
  )
  stopIfInterrupted()
  if (!packagedNodeRuns()) {
    throw new Stop(
      `The packaged Node ${nodeWanted()} does not run. npm said:\n${lastLines(output) || '(nothing)'}`,
    )
  }
}

function countPackages() {
  if (!existsSync(modules)) return 0
  return readdirSync(modules).reduce(
    (sum, name) => sum + (name.startsWith('@') ? readdirSync(join(modules, name)).length : 1),
    0,
  )
}

/** @param {string} text */
function lastLines(text) {
  return text.trim().split('\n').slice(-12).join('\n')
}
