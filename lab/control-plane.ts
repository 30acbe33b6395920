import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { attempt } from './command.ts'
import { kubernetesBinary } from './kubernetes-binary.ts'
import { controlPlaneParts, type ControlPlaneParts, type ControlPlaneSpec } from './kubernetes-parts.ts'
import { createClusterPki, writeKubeconfig, type ClusterPki } from './kubernetes-pki.ts'
import { startPart, waitReady, type Part, type RunningPart } from './part.ts'
import { issue } from './pki.ts'
import { httpsGet } from './probe.ts'

export interface ControlPlane {
  /** `https://127.0.0.1:PORT` */
  url: string
  /** Path of an administrator's kubeconfig, for the test's own use. */
  kubeconfig: string
  /** JSON lines, one event each: who asked for what, and what was answered; written before the answer. */
  auditLog: string
  pki: ClusterPki
  /** Runs kubectl as the administrator; throws on an exit code other than 0. */
  kubectl: (args: readonly string[], input?: string) => Promise<string>
  stop: () => Promise<void>
}

export interface ControlPlaneOptions {
  /** A folder of the caller's: everything is written below it; the caller removes it after `stop()`. */
  dir: string
  /** Number of simulated nodes (kwok); 1 when absent. Pods on them become ready without running. */
  nodes?: number
  /** Addresses of services; `10.96.0.0/20` when absent. */
  serviceCidr?: string
}

/**
 * Starts a real control plane (etcd, API server, controller manager, scheduler) with simulated nodes on free
 * loopback ports, in no namespace: for tests that need Kubernetes but no containers. About 4 s.
 * Its processes end with the calling process, however that ends.
 *
 * @throws HaetaeError `lab-part-failed` with the last log lines of the part that did not come up.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dir } = options
  const binary = await kubernetesBinary()
  await mkdir(dir, { recursive: true })
  const pki = await createClusterPki(join(dir, 'pki'), { name: 'kube', ips: [], node: 'kwok-1' })
  const spec = await specFor(binary, options, pki)
  const parts = await controlPlaneParts(spec)
  const running: RunningPart[] = []
  const stop = async (): Promise<void> => {
    for (const part of running.splice(0).reverse()) await part.stop()
  }
  try {
    await startAll({ ...parts, kwok: await kwok(spec, parts.url) }, dir, running)
    const kubectl = administrator(binary, parts.adminKubeconfig)
    await kubectl(['create', '-f', '-'], simulatedNodes(options.nodes ?? 1))
    await waitUsable(parts.url, pki)
    return { url: parts.url, kubeconfig: parts.adminKubeconfig, auditLog: spec.auditLog, pki, kubectl, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startAll(
  parts: ControlPlaneParts & { kwok: Part },
  dir: string,
  running: RunningPart[],
): Promise<void> {
  const start = async (part: Part): Promise<RunningPart> => {
    // A test runner that is killed must not leave a control plane behind.
    const bound = { ...part, argv: ['setpriv', '--pdeathsig', 'KILL', ...part.argv] }
    const started = await startPart(bound, join(dir, 'log'))
    running.push(started)
    return started
  }
  const etcd = await start(parts.etcd)
  const apiServer = await start(parts.apiServer)
  await waitReady(parts.etcd, etcd)
  await waitReady(parts.apiServer, apiServer)
  await start(parts.kwok)
  const rest = [parts.controllerManager, parts.scheduler]
  const started = await Promise.all(rest.map(start))
  await Promise.all(rest.map((part, at) => waitReady(part, started[at] as RunningPart)))
}

/** It has a name of its own, so that an audit log tells it from the test's administrator. */
async function kwok(spec: ControlPlaneSpec, url: string): Promise<Part> {
  const kubeconfig = join(spec.dir, 'kwok.kubeconfig')
  const identity = { commonName: 'kwok', organization: 'system:masters' }
  const own = await issue(spec.pki.authority, join(spec.dir, 'pki'), 'kwok', identity)
  await writeKubeconfig(kubeconfig, url, spec.pki.authority, own)
  const stages = join(import.meta.dirname, 'kwok', 'stages.yaml')
  return {
    name: 'kwok',
    argv: [
      spec.binary,
      'kwok',
      `--kubeconfig=${kubeconfig}`,
      '--manage-all-nodes=true',
      `--config=${stages}`,
    ],
  }
}

async function specFor(
  binary: string,
  { dir, serviceCidr = '10.96.0.0/20' }: ControlPlaneOptions,
  pki: ClusterPki,
): Promise<ControlPlaneSpec> {
  const [api, etcd, etcdPeer, controllerManager, scheduler] = await freePorts(5)
  return {
    ...{ binary, dir, pki, address: '127.0.0.1', serviceCidr, audit: 'reads' },
    ports: { api, etcd, etcdPeer, controllerManager, scheduler } as ControlPlaneSpec['ports'],
    ...{ auditLog: join(dir, 'audit.log'), unsafeNoFsync: true, announce: false },
    // A simulated node is never lost, however late its heartbeat comes on a busy machine.
    extraControllerManagerArgs: ['--node-monitor-grace-period=1h'],
  }
}

/** kubectl as the administrator whose kubeconfig it is. */
export function administrator(binary: string, kubeconfig: string): ControlPlane['kubectl'] {
  return async (args, input) => {
    const argv = [binary, 'kubectl', `--kubeconfig=${kubeconfig}`, ...args]
    const result = await attempt(argv, input === undefined ? {} : { input })
    if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.why ?? result.stderr}`)
    return result.stdout
  }
}

/** A pod can be created once its namespace has a service account, and runs once a node is ready. */
async function waitUsable(url: string, pki: ClusterPki): Promise<void> {
  const identity = { authority: pki.authority, client: pki.admin }
  const deadline = Date.now() + 30_000
  for (;;) {
    try {
      await httpsGet(`${url}/api/v1/namespaces/default/serviceaccounts/default`, identity)
      const nodes = JSON.parse(await httpsGet(`${url}/api/v1/nodes`, identity)) as { items: NodeObject[] }
      const ready = nodes.items.every((node) =>
        node.status?.conditions?.some(
          (condition) => condition.type === 'Ready' && condition.status === 'True',
        ),
      )
      if (ready) return
      throw new Error('the simulated node is not ready')
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(50)
    }
  }
}

interface NodeObject {
  status?: { conditions?: { type: string; status: string }[] }
}

function simulatedNodes(count: number): string {
  const items = Array.from({ length: count }, (_, at) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: `kwok-${at + 1}`,
      labels: { type: 'kwok' },
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
    },
  }))
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}

/** Ports that are free now. They are all held open until the last is known, so they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}
