import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isHaetaeError, messageOf } from '#model/errors.ts'
import { run } from '../command.ts'
import { instanceOf, siteOf, type Instance } from '../instance.ts'
import { startPart, waitReady, type Part, type RunningPart } from '../part.ts'
import { PART_NAMES, siteParts, type PartName } from './parts.ts'
import { readSiteSpec, sitePaths, type SiteSpec } from './spec.ts'

/*
 * Runs inside a site: starts its parts, tells the progress as one JSON object a line, and ends when all serve.
 * The parts live on; the site's init reaps them.
 */

/** A line of the progress; the last one of a failure has `failed`. */
export interface SiteProgress {
  label?: string
  failed?: { message: string; where?: string | undefined; why?: string | undefined }
}

function tell(line: SiteProgress): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

class Bringer {
  readonly #instance: Instance
  readonly #spec: SiteSpec
  readonly #parts: Record<PartName, Part>

  constructor(instance: Instance, spec: SiteSpec, parts: Record<PartName, Part>) {
    this.#instance = instance
    this.#spec = spec
    this.#parts = parts
  }

  /** Starts a part without waiting; the returned function waits until it serves. */
  async start(name: PartName): Promise<() => Promise<void>> {
    const part = this.#parts[name]
    const paths = sitePaths(this.#instance, this.#spec.site)
    const running = await startPart(part, paths.log, true)
    await writePid(paths.root, running)
    return async () => {
      await waitReady(part, running)
      tell({ label: name })
    }
  }

  async startAndWait(name: PartName): Promise<void> {
    await (
      await this.start(name)
    )()
  }

  /** Control plane and containers at once; then what needs both. */
  async startAll(): Promise<void> {
    const services = [this.startAndWait('named'), this.startAndWait('haproxy')]
    await Promise.all([this.#controlPlane(), this.#containers(), ...services])
    await Promise.all([this.startAndWait('kubelet'), this.startAndWait('kube-proxy')])
    await this.startAndWait('prometheus')
  }

  async #controlPlane(): Promise<void> {
    const etcd = await this.start('etcd')
    const apiServer = await this.start('kube-apiserver') // it waits for etcd by itself
    await etcd()
    await apiServer()
    await Promise.all([this.startAndWait('kube-controller-manager'), this.startAndWait('kube-scheduler')])
  }

  async #containers(): Promise<void> {
    await this.startAndWait('containerd')
    const { containerdSocket } = sitePaths(this.#instance, this.#spec.site)
    for (const archive of this.#spec.archives) {
      await run(['ctr', '--address', containerdSocket, '-n', 'k8s.io', 'images', 'import', archive], {
        timeoutMs: 120_000,
      })
    }
    tell({ label: 'images' })
  }
}

/** PIDs as the site's own processes see them. */
async function writePid(root: string, running: RunningPart): Promise<void> {
  await mkdir(join(root, 'pids'), { recursive: true })
  await writeFile(join(root, 'pids', running.name), `${running.pid}\n`)
}

async function main(name: string, site: string, what: string): Promise<void> {
  const instance = instanceOf(name)
  const spec = await readSiteSpec(instance, siteOf(site))
  const bringer = new Bringer(instance, spec, await siteParts(instance, spec))
  const part = PART_NAMES.find((known) => known === what)
  await (part === undefined ? bringer.startAll() : bringer.startAndWait(part))
}

const [name = '', site = '', what = ''] = process.argv.slice(2)
try {
  await main(name, site, what)
} catch (error) {
  const details = isHaetaeError(error) ? { where: error.where, why: error.why } : {}
  tell({ failed: { message: messageOf(error), ...details } })
  process.exitCode = 1
}
