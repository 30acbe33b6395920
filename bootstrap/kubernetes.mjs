import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, runChild, stopIfInterrupted } from './child.mjs'
import { cacheFolder, checkout, programPath } from './place.mjs'
import { Progress, say, Stop } from './say.mjs'

const source = join(checkout, 'lab/kubernetes')

/**
 * Where the multi-call binary of etcd, Kubernetes and kwok is kept for the sources of this checkout:
 * HAETAE_KUBERNETES, or in the cache folder by the hash of go.mod, go.sum and the Go files. It may not be built yet.
 * @returns {string}
 */
export function kubernetesBinaryPath() {
  if (process.env.HAETAE_KUBERNETES) return process.env.HAETAE_KUBERNETES
  const hash = createHash('sha256')
  const names = readdirSync(source).filter((name) => /^go\.(mod|sum)$|\.go$/.test(name))
  for (const name of names.sort())
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(source, name)))
      .update('\0')
  return join(cacheFolder(), 'kubernetes', hash.digest('hex').slice(0, 32), 'haetae-kubernetes')
}

/** The `go` command: from PATH, or where its installer puts it. */
export function goCommand() {
  return programPath('go', ['/usr/local/go/bin', '/usr/lib/go/bin'])
}

/** The version of Kubernetes in go.mod, such as `v1.36.3`. */
export function kubernetesVersion() {
  return /\bk8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(source, 'go.mod'), 'utf8'))?.[1] ?? 'v0.0.0'
}

/**
 * Builds the binary unless it is there. Two builds of one source never run at once: the second waits for the first.
 * What was compiled before an interruption is kept by Go's own cache, so the next try goes on from there.
 * @returns {Promise<string>} its path
 */
export async function buildKubernetes() {
  const path = kubernetesBinaryPath()
  if (existsSync(path)) return path
  const release = await holdBuild(path)
  try {
    if (!existsSync(path)) await build(path)
  } finally {
    release()
  }
  return path
}

/**
 * Waits until this process alone holds the build. An abstract Unix socket is the lock: the kernel releases it when
 * the holder ends, however that happens.
 * @param {string} path @returns {Promise<() => void>}
 */
async function holdBuild(path) {
  const name = `\0haetae-build-${createHash('sha256').update(path).digest('hex').slice(0, 24)}`
  let told = false
  for (;;) {
    const server = createServer()
    const held = await new Promise((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(name, () => resolve(true))
    })
    if (held) return () => server.close()
    if (!told) say('  Kubernetes: another process builds it; waiting for that one.')
    told = true
    await sleep(1000)
    stopIfInterrupted()
  }
}

/** @param {string} path */
async function build(path) {
  const go = goCommand()
  if (go === undefined)
    throw new Stop('Go is missing: it builds the Kubernetes of the lab. Install Go 1.21 or newer.')
  const environment = { ...process.env, CGO_ENABLED: '0', GOOS: 'linux' }
  mkdirSync(dirname(path), { recursive: true })
  for (const name of readdirSync(dirname(path))) rmSync(join(dirname(path), name), { force: true })
  await fetchSources(go, environment)
  const total = packagesToCompile(go, environment)
  const temporary = `${path}.${process.pid}.partial`
  try {
    await compile(go, environment, total, temporary)
    checkBinary(temporary)
    chmodSync(temporary, 0o755)
    renameSync(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** @param {string} go @param {NodeJS.ProcessEnv} environment */
async function fetchSources(go, environment) {
  const modules = readFileSync(join(source, 'go.sum'), 'utf8')
    .split('\n')
    .filter((line) => / h1:/.test(line) && !/\/go\.mod /.test(line)).length
  const progress = new Progress('Kubernetes, fetching its sources')
  let fetched = 0
  const { code, output } = await runChild(go, ['list', '-deps', '-f', '{{if eq .Name "none"}}{{end}}', '.'], {
    cwd: source,
    env: environment,
    onLine: (line) => {
      if (line.startsWith('go: downloading ')) progress.set(++fetched / modules, `${fetched} modules`)
    },
  })
  progress.end(code === 0 && fetched > 0 ? `${fetched} modules` : undefined)
  stopIfInterrupted('Stopped as asked. The modules fetched so far are kept by Go.')
  if (code !== 0) throw new Stop(`The sources of Kubernetes could not be fetched. go said:\n${tail(output)}`)
}

/** @param {string} go @param {NodeJS.ProcessEnv} environment */
function packagesToCompile(go, environment) {
  const stale = ask(go, ['list', '-deps', '-trimpath', '-f', '{{if .Stale}}{{.ImportPath}}{{end}}', '.'], {
    cwd: source,
    env: environment,
  })
  return Math.max(1, (stale ?? '').split('\n').filter(Boolean).length)
}

/** @param {string} go @param {NodeJS.ProcessEnv} environment @param {number} total @param {string} output */
async function compile(go, environment, total, output) {
  const version = kubernetesVersion()
  const flags = `-s -w -X k8s.io/component-base/version.gitVersion=${version}`
  const progress = new Progress(`Kubernetes ${version}, compiling`)
  let done = 0
  const result = await runChild(go, ['build', '-v', '-trimpath', `-ldflags=${flags}`, '-o', output, '.'], {
    cwd: source,
    env: environment,
    onLine: (line) => {
      if (/^[\w.-]+(\/\S+)?$/.test(line))
        progress.set((0.95 * ++done) / total, `${done} of ${total} packages`)
    },
  })
  progress.end(result.code === 0 ? 'built' : undefined)
  stopIfInterrupted('Stopped as asked. What was compiled is kept by Go; the next run goes on from there.')
  if (result.code !== 0) throw new Stop(`Kubernetes could not be built. go said:\n${tail(result.output)}`)
}

/** @param {string} path */
function checkBinary(path) {
  const answer = ask(path, ['kubectl', 'version', '--client', '-o', 'json'])
  if (answer === undefined || !answer.includes(kubernetesVersion())) {
    throw new Stop(
      `The Kubernetes that was built does not run on this machine (it said: ${answer ?? 'nothing'}).`,
    )
  }
}

/** @param {string} text */
function tail(text) {
  return text.trim().split('\n').slice(-12).join('\n')
}
