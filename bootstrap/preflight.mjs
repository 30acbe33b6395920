import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ask } from './child.mjs'
import { cacheFolder, checkout, programPath } from './place.mjs'
import { goCommand, kubernetesBinaryPath } from './kubernetes.mjs'
import { missingDebianPackages } from './debian.mjs'
import { npmPackagesInstalled } from './npm-packages.mjs'
import { say, Stop } from './say.mjs'

/** @typedef {import('./debian.mjs').DebianPackage} DebianPackage */
/** @typedef {{npm: boolean, debian: DebianPackage[], kubernetes: boolean}} ToDo */

const gigabyte = 1024 ** 3

/**
 * Looks at the machine and changes nothing. Throws with a sentence for each thing that is missing.
 * @param {{lab: boolean}} purpose `lab`: sites and a control plane will run, which needs root and the Debian packages
 * @returns {ToDo} what has to be installed or built
 */
export function preflight({ lab }) {
  const problems = [nodeProblem(), lab ? systemProblem() : undefined]
  // Everything below asks for tools that only such a machine has.
  stopFor(problems)
  /** @type {ToDo} */
  const todo = {
    npm: !npmPackagesInstalled(),
    debian: process.platform === 'linux' ? missingDebianPackages({ lab }) : [],
    kubernetes: lab && !existsSync(kubernetesBinaryPath()),
  }
  stopFor([
    todo.npm && programPath('npm') === undefined
      ? 'npm is missing: install it (it comes with Node).'
      : undefined,
    todo.debian.length > 0 ? aptProblem(todo.debian) : undefined,
    todo.kubernetes ? goProblem() : undefined,
    ...diskProblems(todo, lab),
  ])
  return todo
}

/** @param {(string | undefined)[]} problems */
function stopFor(problems) {
  const found = problems.filter((problem) => problem !== undefined)
  if (found.length === 0) return
  const sentences = found.map((problem) => (found.length === 1 ? problem : `  - ${problem}`))
  throw new Stop([...sentences, 'Nothing was changed.'].join('\n'))
}

function nodeProblem() {
  const major = Number(process.versions.node.split('.')[0])
  if (major >= 20) return undefined
  return `Node ${process.versions.node} is too old to install Haetae's packages: install Node 20 or newer.`
}

function systemProblem() {
  if (process.platform !== 'linux') {
    return `The lab needs Linux (namespaces, cgroups), and this is ${process.platform}. Use a Debian 12 machine or virtual machine.`
  }
  if (process.getuid?.() !== 0) {
    return 'The lab must be run by root: it makes network, process and mount namespaces. Try again as root (sudo -i).'
  }
  if (ask('unshare', ['--mount', '--pid', '--net', '--fork', 'true']) === undefined) {
    return 'This machine does not let root make namespaces (an unprivileged container?): use a machine, a virtual machine, or a privileged container.'
  }
  const memory = Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024
  if (memory < 6 * gigabyte) {
    return `The lab runs two data centers and needs about 6 GB of memory; this machine has ${(memory / gigabyte).toFixed(1)} GB.`
  }
  return undefined
}

/** @param {DebianPackage[]} missing */
function aptProblem(missing) {
  const names = missing.map(({ name }) => name).join(', ')
  if (process.getuid?.() !== 0)
    return `Not installed: ${names}. Install them (apt-get install ${names.replaceAll(',', '')}), or run this once as root.`
  if (programPath('apt-get') !== undefined && programPath('dpkg-query') !== undefined) return undefined
  return `apt-get is missing, and these are not installed: ${names}. Use Debian 12, or install by hand what they bring.`
}

/** The least Go that can fetch the toolchain that go.mod asks for. */
const leastGo = [1, 21]

function goProblem() {
  const go = goCommand()
  const needed = `Install Go ${leastGo.join('.')} or newer: it builds the Kubernetes of the lab, once (Debian 12's own golang package is older).`
  if (go === undefined) return `Go is missing. ${needed}`
  const version = /go(\d+)\.(\d+)/.exec(ask(go, ['version'], { cwd: '/' }) ?? '')
  if (version === null) return `Go does not run (${go}). ${needed}`
  const [major, minor] = [Number(version[1]), Number(version[2])]
  if (major < 1 || (major === 1 && minor < /** @type {number} */ (leastGo[1])))
    return `Go ${major}.${minor} is too old. ${needed}`
  const wanted = /^go (\d+)\.(\d+)/m.exec(readFileSync(`${checkout}/lab/kubernetes/go.mod`, 'utf8'))
  const olderThanWanted = wanted !== null && (major < Number(wanted[1]) || minor < Number(wanted[2]))
  if (olderThanWanted && ask(go, ['env', 'GOTOOLCHAIN'], { cwd: '/' }) === 'local') {
    return `Go ${major}.${minor} is older than the Kubernetes sources need (${wanted[1]}.${wanted[2]}), and GOTOOLCHAIN=local keeps it from fetching a newer one: unset it, or install Go ${wanted[1]}.${wanted[2]}.`
  }
  return undefined
}

/** Space that each part takes, measured on Debian 12 (rounded up). @param {ToDo} todo @param {boolean} lab */
function diskProblems(todo, lab) {
  const go = goCommand()
  const goFolder = (/** @type {string} */ name) =>
    (go && ask(go, ['env', name], { cwd: '/' })) || cacheFolder()
  const needs = [
    ...(todo.npm ? [{ folder: checkout, size: 0.6 }] : []),
    ...(todo.debian.length > 0 ? [{ folder: '/usr', size: 0.7 }] : []),
    ...(todo.kubernetes
      ? [
          { folder: goFolder('GOCACHE'), size: 3 },
          { folder: goFolder('GOMODCACHE'), size: 1 },
          { folder: cacheFolder(), size: 0.2 },
        ]
      : []),
    ...(lab ? [{ folder: '/var/lib', size: 4 }] : []),
  ]
  /** @type {Map<number, {size: number, folders: string[], free: number}>} */
  const devices = new Map()
  for (const { folder, size } of needs) {
    const place = existingParent(folder)
    const device = statSync(place).dev
    const { bavail, bsize } = statfsSync(place)
    const sum = devices.get(device) ?? { size: 0, folders: [], free: (bavail * bsize) / gigabyte }
    devices.set(device, { size: sum.size + size, folders: [...sum.folders, folder], free: sum.free })
  }
  return [...devices.values()]
    .filter(({ size, free }) => free < size)
    .map(
      ({ size, free, folders }) =>
        `The disk of ${folders.join(', ')} has ${free.toFixed(1)} GB free, and about ${size.toFixed(1)} GB are needed: make room.`,
    )
}

/** @param {string} folder */
function existingParent(folder) {
  let place = folder
  while (!existsSync(place)) place = dirname(place)
  return place
}

/** Tells what will be installed and why, before it is. @param {ToDo} todo */
export function announce(todo) {
  if (!todo.npm && todo.debian.length === 0 && !todo.kubernetes) return
  say('Haetae will now prepare this machine:')
  if (todo.npm) say('  npm packages into node_modules (among them the Node 26 that Haetae runs on)')
  if (todo.debian.length > 0) say('  Debian packages (no service is started or left enabled):')
  for (const { name, why } of todo.debian) say(`    ${name}: ${why}`)
  if (todo.kubernetes) {
    say(
      `  Kubernetes, compiled once from its sources for the lab: about six minutes on two cores, then kept in ${dirname(kubernetesBinaryPath())}`,
    )
  }
}
