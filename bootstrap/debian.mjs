import {
  existsSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { ask, runChild, stopIfInterrupted } from './child.mjs'
import { programPath } from './place.mjs'
import { Progress, say, Stop } from './say.mjs'

/**
 * `always`: the packaged Node itself needs it, so every command does; the others are for the lab and its tests.
 * @typedef {{name: string, why: string, file?: string, always?: boolean}} DebianPackage
 */

/**
 * What the lab and the tests need of Debian. A package counts as there when dpkg says so, or when its `file` (a
 * program, or an absolute path) is there by other means.
 * @type {DebianPackage[]}
 */
const debianPackages = [
  { name: 'libatomic1', why: 'Node 26 is linked with it', always: true },
  { name: 'postgresql-15', why: 'the databases of the systems and of Haetae' },
  { name: 'redis-server', why: 'the queue of backups', file: 'redis-server' },
  { name: 'containerd', why: 'runs the pods', file: 'containerd' },
  { name: 'runc', why: 'starts the containers', file: 'runc' },
  { name: 'containernetworking-plugins', why: 'the network of the pods', file: '/usr/lib/cni/ptp' },
  { name: 'nftables', why: 'cuts and filters the link between the sites', file: 'nft' },
  { name: 'iproute2', why: 'lays the sites and the link', file: 'ip' },
  { name: 'conntrack', why: 'kube-proxy needs it', file: 'conntrack' },
  { name: 'bind9', why: 'the name server of each site', file: 'named' },
  { name: 'bind9-dnsutils', why: 'nsupdate switches names', file: 'nsupdate' },
  { name: 'haproxy', why: 'the load balancer of each site', file: 'haproxy' },
  { name: 'prometheus', why: 'measures each site', file: 'prometheus' },
  { name: 'faketime', why: 'shifts the clock of a daemon', file: 'faketime' },
  { name: 'busybox-static', why: 'the base of the pods’ images' },
  { name: 'openssh-client', why: 'signs and checks approvals', file: 'ssh-keygen' },
  { name: 'openssl', why: 'makes the certificates of the lab', file: 'openssl' },
  { name: 'e2fsprogs', why: 'makes the volumes that can fill up', file: 'mkfs.ext4' },
]

/** @param {{lab: boolean}} purpose @returns {DebianPackage[]} */
export function missingDebianPackages({ lab }) {
  const further = ['/usr/sbin', '/sbin']
  return debianPackages.filter(({ name, file, always }) => {
    if (!lab && always !== true) return false
    const present =
      file !== undefined &&
      (file.startsWith('/') ? existsSync(file) : programPath(file, further) !== undefined)
    return !present && ask('dpkg-query', ['-W', '-f=${db:Status-Status}', name]) !== 'installed'
  })
}

const apt = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Dpkg::Use-Pty=0']
const quiet = {
  ...process.env,
  DEBIAN_FRONTEND: 'noninteractive',
  LC_ALL: 'C.UTF-8',
  NEEDRESTART_SUSPEND: '1',
}

/**
 * Installs the packages: nothing else is removed or replaced by it, no service is started, and none is left enabled
 * that was not enabled before.
 * @param {DebianPackage[]} packages
 */
export async function installDebianPackages(packages) {
  const names = packages.map(({ name }) => name)
  await refreshListsIfNeeded(names)
  const additions = simulate(names)
  const progress = new Progress('Debian packages')
  const before = enabledUnits()
  const restore = [keepServicesStopped(), keepClustersUncreated()]
  /** @type {{code: number, output: string}} */
  let result
  try {
    result = await install(names, additions.length, progress)
    if (result.code !== 0 && /404 +Not Found|Failed to fetch/.test(result.output)) {
      await updateLists()
      result = await install(names, additions.length, progress)
    }
  } finally {
    for (const undo of restore.reverse()) undo()
  }
  progress.end(result.code === 0 ? `${additions.length} installed` : undefined)
  disableNewUnits(before)
  if (result.code !== 0)
    throw new Stop(`apt-get could not install the packages. It said:\n${lastLines(result.output)}`)
  stopIfInterrupted()
}

/** @param {string[]} names @param {number} total @param {Progress} progress */
function install(names, total, progress) {
  let unpacked = 0
  let configured = 0
  return runChild('apt-get', ['install', ...apt, ...names], {
    env: quiet,
    onLine: (line) => {
      if (line.startsWith('Unpacking ')) unpacked += 1
      else if (line.startsWith('Setting up ')) configured += 1
      progress.set((unpacked + configured) / (2 * total), `${configured} of ${total}`)
    },
    onInterrupt: 'finish',
    interrupted: () =>
      say(
        '\n  Stopping as soon as apt-get has finished: a package left half-installed would break apt for you.',
      ),
  })
}

/** @param {string[]} names */
async function refreshListsIfNeeded(names) {
  const known = (/** @type {string} */ name) =>
    ask('apt-cache', ['show', '--no-all-versions', name]) !== undefined
  if (!names.every(known)) await updateLists()
  const unknown = names.filter((name) => !known(name))
  if (unknown.length > 0) {
    throw new Stop(
      `The package lists of this machine have no ${unknown.join(', ')}. Haetae's lab was tried on Debian 12; ` +
        'elsewhere, install what these packages bring by hand.',
    )
  }
}

async function updateLists() {
  const progress = new Progress('Debian package lists')
  const { code, output } = await runChild('apt-get', ['update', '-q', '-o', 'DPkg::Lock::Timeout=120'], {
    env: quiet,
  })
  progress.end(code === 0 ? 'fetched' : undefined)
  stopIfInterrupted()
  if (code !== 0)
    throw new Stop(
      `apt-get update failed; the network or the mirror may be at fault. It said:\n${lastLines(output)}`,
    )
}

/** What apt-get would install. Refuses when it would remove or downgrade anything. @param {string[]} names */
function simulate(names) {
  const plan = ask('apt-get', ['install', '-s', ...apt, ...names], { env: quiet })
  if (plan === undefined)
    throw new Stop(`apt-get refuses to install ${names.join(', ')}. Try it by hand to see why.`)
  const removed = [...plan.matchAll(/^Remv (\S+)/gm)].map((match) => match[1])
  if (removed.length > 0) {
    throw new Stop(
      `Installing ${names.join(', ')} would remove ${removed.join(', ')} from this machine: not done. Remove it yourself first, or use another machine.`,
    )
  }
  return [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '')
}

/**
 * Lays a policy that denies the start of any service, for the time of the installation.
 * @returns {() => void} puts back what was there
 */
function keepServicesStopped() {
  const policy = '/usr/sbin/policy-rc.d'
  const saved = `${policy}.before-haetae`
  // A killed installation may have left ours in place and the user's beside it.
  if (existsSync(saved)) renameSync(saved, policy)
  if (existsSync(policy)) renameSync(policy, saved)
  writeFileSync(policy, '#!/bin/sh\n# Laid by Haetae while it installs packages.\nexit 101\n', {
    mode: 0o755,
  })
  return () => {
    rmSync(policy, { force: true })
    if (existsSync(saved)) renameSync(saved, policy)
  }
}

/** Keeps PostgreSQL's packages from making and enabling a cluster. @returns {() => void} */
function keepClustersUncreated() {
  const folder = '/etc/postgresql-common/createcluster.d'
  const file = join(folder, 'haetae.conf')
  const folderWasThere = existsSync(folder)
  if (!folderWasThere) ask('mkdir', ['-p', folder])
  writeFileSync(file, '# Laid by Haetae while it installs packages.\ncreate_main_cluster = false\n')
  return () => rmSync(file, { force: true })
}

/** Every link by which systemd or SysV init would start something, with where it points. */
function enabledUnits() {
  /** @type {Map<string, string>} */
  const links = new Map()
  const roots = ['/etc/systemd/system', ...['2', '3', '4', '5', 'S'].map((level) => `/etc/rc${level}.d`)]
  for (const root of roots) collectLinks(root, links)
  return links
}

/** @param {string} folder @param {Map<string, string>} links */
function collectLinks(folder, links) {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const entry = lstatSync(path)
    if (entry.isDirectory()) collectLinks(path, links)
    else if (entry.isSymbolicLink() && !/\/rc.\.d\/K/.test(path)) links.set(path, readlinkSync(path))
  }
}

/** @param {Map<string, string>} before */
function disableNewUnits(before) {
  const isNew = (/** @type {string} */ path) => !before.has(path)
  const added = [...enabledUnits()].filter(([path]) => isNew(path))
  const units = new Set(
    added.filter(([path]) => path.startsWith('/etc/systemd')).map(([, target]) => basename(target)),
  )
  const scripts = new Set(
    added.filter(([path]) => path.startsWith('/etc/rc')).map(([, target]) => basename(target)),
  )
  const booted = existsSync('/run/systemd/system')
  for (const unit of units) {
    if (unit === 'null') continue
    // deb-systemd-helper also remembers the choice for the package's next upgrade.
    ask('deb-systemd-helper', ['disable', unit])
    if (booted) ask('systemctl', ['disable', unit])
  }
  for (const script of scripts) ask('update-rc.d', [script, 'disable'])
  for (const [path] of [...enabledUnits()].filter(([path]) => isNew(path))) unlinkSync(path)
  const names = [...new Set([...[...units].map((unit) => unit.replace(/\.service$/, '')), ...scripts])].sort()
  if (names.length > 0)
    say(
      `  No service was started; those that their packages enabled are disabled again: ${names.join(', ')}.`,
    )
}

/** @param {string} text */
function lastLines(text) {
  return text.trim().split('\n').slice(-15).join('\n')
}
