import { installDebianPackages } from './debian.mjs'
import { buildKubernetes } from './kubernetes.mjs'
import { installNpmPackages } from './npm-packages.mjs'
import { announce, preflight } from './preflight.mjs'
import { stopIfInterrupted } from './child.mjs'

/**
 * Makes the machine ready: checks it, says what is missing and will be installed, and installs it. Does nothing, and
 * says nothing, where all is there.
 * @param {{lab: boolean}} purpose `lab`: also what the sites, the control plane and the databases need
 */
export async function prepare(purpose) {
  const todo = preflight(purpose)
  announce(todo)
  // Debian's first: the Node among the npm packages needs one of them.
  if (todo.debian.length > 0) await installDebianPackages(todo.debian)
  stopIfInterrupted()
  if (todo.npm) await installNpmPackages()
  if (todo.kubernetes) await buildKubernetes()
  stopIfInterrupted()
}
