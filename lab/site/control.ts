import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { HaetaeError } from '#model/errors.ts'
import { attempt, run } from '../command.ts'
import { CHECKOUT, type Instance, type SiteId } from '../instance.ts'
import { inPlace } from '../place.ts'
import type { SiteProgress } from './main.ts'
import type { PartName } from './parts.ts'
import { readSiteSpec, sitePaths } from './spec.ts'

/**
 * Starts all parts of a site whose namespaces stand and whose `site.json` is written; returns when all serve.
 *
 * @throws HaetaeError `lab-part-failed` with the failed part's last log lines.
 */
export async function startSite(
  instance: Instance,
  site: SiteId,
  progress: (label: string) => void,
): Promise<void> {
  await bring(instance, site, 'all', progress)
}

/** Starts one part of a site again, after it was ended. */
export async function startSitePart(instance: Instance, site: SiteId, part: PartName): Promise<void> {
  await bring(instance, site, part, () => undefined)
}

async function bring(
  instance: Instance,
  site: SiteId,
  what: PartName | 'all',
  progress: (label: string) => void,
): Promise<void> {
  const main = join(import.meta.dirname, 'main.ts')
  const argv = [...(await inPlace(instance, site)), process.execPath, main, instance.name, site, what]
  const [file = '', ...args] = argv
  // From the checkout, or Node would not find the imports of package.json.
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: CHECKOUT })
  let failed: SiteProgress['failed']
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4000)))
  const ended = new Promise<number | null>((done, fail) => {
    child.on('error', fail)
    child.on('close', done)
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line) as SiteProgress
    if (told.label !== undefined) progress(told.label)
    failed = told.failed ?? failed
  }
  const code = await ended
  if (code === 0 && failed === undefined) return
  throw new HaetaeError(
    'lab-part-failed',
    `${site}: ${failed?.message ?? `it ended with code ${String(code)}`}`,
    {
      ...(failed?.where === undefined ? {} : { where: failed.where }),
      why: failed?.why ?? stderr,
    },
  )
}

/** Sends a signal to one part of a site, for example SIGSTOP or SIGKILL to `prometheus`. */
export async function signalSitePart(
  instance: Instance,
  site: SiteId,
  part: PartName,
  signal: NodeJS.Signals,
): Promise<void> {
  const pid = (await readFile(join(sitePaths(instance, site).root, 'pids', part), 'utf8')).trim()
  await run([...(await inPlace(instance, site)), 'kill', `-${signal.replace('SIG', '')}`, pid])
}

/** Runs a command in a site, with its name servers, network and mounts. */
export async function runInSite(
  instance: Instance,
  site: SiteId,
  argv: readonly string[],
  input?: string,
  timeoutMs = 60_000,
): Promise<string> {
  const options = { timeoutMs, ...(input === undefined ? {} : { input }) }
  return run([...(await inPlace(instance, site)), ...argv], options)
}

/** `kubectl wait` says itself when it gives up; this is for one that hangs. */
const kubectlWithinMs = 240_000

/** kubectl as the administrator of a site's cluster; throws on an exit code other than 0. */
export async function siteKubectl(
  instance: Instance,
  site: SiteId,
): Promise<(args: readonly string[], input?: string) => Promise<string>> {
  const { binary } = await readSiteSpec(instance, site)
  const kubectl = [binary, 'kubectl', `--kubeconfig=${sitePaths(instance, site).adminKubeconfig}`]
  return (args, input) => runInSite(instance, site, [...kubectl, ...args], input, kubectlWithinMs)
}

/** Whether each part of a site lives, by name; a part that was never started is not in it. */
export async function partsAlive(
  instance: Instance,
  site: SiteId,
  names: readonly PartName[],
): Promise<PartName[]> {
  const { root } = sitePaths(instance, site)
  // One that ended but is not collected yet still has a PID.
  const alive = `kill -0 "$pid" 2>/dev/null && ! grep -qs '^State:[[:space:]]*Z' "/proc/$pid/status"`
  const script = `for name in "$@"; do pid=$(cat "$0/$name" 2>/dev/null) && ${alive} && echo "$name"; done; true`
  const enter = await inPlace(instance, site)
  const told = (await attempt([...enter, 'sh', '-c', script, join(root, 'pids'), ...names])).stdout.split(
    '\n',
  )
  return names.filter((name) => told.includes(name))
}
