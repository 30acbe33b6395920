import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { planningBounds } from '#daemon/observer.ts'
import { systemClock } from '#platform/clock.ts'
import { databaseReader } from '#platform/database/client.ts'
import { kubernetesClient } from '#platform/kubernetes/client.ts'
import type { KubernetesReader } from '#platform/kubernetes/types.ts'
import { createLane } from '#plan/lane.ts'
import { observeFleet } from '#plan/observe-fleet.ts'
import { observePlan } from '#plan/observe.ts'
import type { Plan, PlanNode } from '#plan/plan.ts'
import { answering } from '#steps/answering.ts'
import { stepTypes } from '#steps/index.ts'
import { deploymentRef } from '#steps/k8s-look.ts'
import { startControlPlane } from '../lab/control-plane.ts'
import { applyObjects } from '../lab/systems/apply.ts'
import type { KubernetesObject } from '../lab/systems/objects.ts'
import { spreadOf, type Spread } from './figures.ts'
import { interleave } from './interleave.ts'
import { openStorage } from './storage.ts'

export interface PlanExtent {
  sizes: number[]
  rounds: number
}
export const fullPlan: PlanExtent = { sizes: [10, 100, 709], rounds: 5 }
export const quickPlan: PlanExtent = { sizes: [10], rounds: 1 }

/** Seconds of one size, and what could not be seen within the bounds of planning. */
interface PlanRow {
  systems: number
  bare: Spread
  answering: Spread
  silent: number
  /** The same steps as parts of a fleet, counted. */
  fleet: number
  opaque: { answering: number; silent: number }
}

export interface PlanFigures {
  bounds: typeof planningBounds
  rows: PlanRow[]
}

const namespace = 'bench'
const nameOf = (nth: number) => `s${nth}`
/** Requests of the cluster for each system: a look and a dry run of the scale, and a look of the wait. */
const callsPerSystem = 3

/**
 * Plans that are looked at live: a real API server with a Deployment for each system at 0 replicas, and a source that
 * answers (PostgreSQL) or takes connections and never answers. Beside it the same requests of the cluster alone, as many
 * at once. Everything is stopped and removed at the end.
 */
export async function benchPlan(
  { sizes, rounds }: PlanExtent,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<PlanFigures> {
  await using stack = new AsyncDisposableStack()
  const kubernetes = await openCluster(stack, Math.max(...sizes), say)
  const { folder, pool } = await openStorage(stack)
  await pool.query('CREATE TABLE heartbeat (source text PRIMARY KEY, at timestamptz NOT NULL)')
  await pool.query('CREATE TABLE haetae_authority (epoch int, site text, run_id text)')
  const port = await openSilent(stack)
  const database = answering(databaseReader({ reader: { user: 'haetae' } }))
  const look = (systems: number, source: Source) =>
    observed(
      planOf(systems, source),
      { site: 'gwangju', kubernetes: answering(kubernetes), database },
      signal,
    )
  const readers = { site: 'gwangju', kubernetes: answering(kubernetes), database }
  const rows: PlanRow[] = []
  for (const systems of sizes) {
    say(`${systems} systems`)
    const opaque = { answering: 0, silent: 0 }
    const sides = {
      bare: () => seconds(() => bareCalls(kubernetes, systems, signal)),
      answering: () =>
        seconds(async () => (opaque.answering = await look(systems, { host: folder, port: 5432 }))),
    }
    const done = await interleave(sides, { rounds, until: Infinity, signal })
    const silent = await seconds(
      async () => (opaque.silent = await look(systems, { host: '127.0.0.1', port })),
    )
    const fleet = await seconds(() =>
      countedAsFleet(planOf(systems, { host: folder, port: 5432 }), readers, signal),
    )
    const spread = (side: keyof typeof sides) => spreadOf(done.map((round) => round[side]))
    rows.push({ systems, bare: spread('bare'), answering: spread('answering'), silent, fleet, opaque })
  }
  return { bounds: planningBounds, rows }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1_000
}

async function openCluster(
  stack: AsyncDisposableStack,
  deployments: number,
  say: (line: string) => void,
): Promise<KubernetesReader> {
  const dir = mkdtempSync(join(tmpdir(), 'haetae-bench-kube-'))
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
  say(`a control plane with ${deployments} Deployments`)
  const plane = await startControlPlane({ dir })
  stack.defer(() => plane.stop())
  await plane.kubectl(['create', 'namespace', namespace])
  await applyObjects(
    plane.kubectl,
    Array.from({ length: deployments }, (_, nth) => deployment(nameOf(nth))),
  )
  const client = kubernetesClient(plane.kubeconfig)
  stack.defer(() => client.close())
  return client.reader
}

function deployment(name: string): KubernetesObject {
  const labels = { app: name }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } },
    },
  }
}

/** A port where connections are taken and nothing is ever answered: what a source that drops packets costs. */
async function openSilent(stack: AsyncDisposableStack): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).resume()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((done) => server.close(done))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return address.port
}

interface Source {
  host: string
  port: number
}

/** For each system a look at its source, a scale, and the wait for it. */
function planOf(systems: number, source: Source): Plan {
  const nodes = Array.from({ length: systems }, (_, nth) => {
    const workloads = [{ deployment: nameOf(nth), replicas: 1 }]
    const here = { site: 'gwangju', namespace, workloads }
    return [
      node(`S${nth}/source`, 'pg.status', { site: 'daejeon', ...source, database: 'haetae' }),
      node(`S${nth}/start`, 'k8s.scale', here),
      node(`S${nth}/ready`, 'k8s.wait', here),
    ]
  }).flat()
  const subject = {
    ...{ mode: 'failover' as const, fromSite: 'daejeon', toSite: 'gwangju', runbooks: {}, catalogue: '' },
    ...{ inputs: {}, nodes, assumptions: [] },
  }
  return { digest: '', subject, systems: [], notes: [], observed: { at: '', changes: {} } }
}

function node(id: string, type: string, input: Record<string, unknown>): PlanNode {
  return {
    ...{ id, type, with: input, system: id.split('/')[0] ?? null, title: { ko: id, en: id }, typeVersion: 1 },
    ...{ gate: null, needs: [], verify: null, wave: 1 },
    limits: { attemptMs: 1_000, totalMs: 1_000, retryMax: 0, retryBaseMs: 1_000 },
  }
}

/** Looks as the daemon does; returns how many nodes were not seen. Throws when one that answers was not understood. */
async function observed(plan: Plan, readers: object, signal: AbortSignal): Promise<number> {
  const looking = { stepTypes, readers, site: 'gwangju', clock: systemClock, signal, ...planningBounds }
  const { changes } = (await observePlan(plan, looking)).observed
  const all = Object.values(changes).flat()
  if (all.every(({ certainty }) => certainty !== 'exact'))
    throw new Error(`nothing was seen: ${JSON.stringify(all[0])}`)
  return all.filter(({ certainty }) => certainty === 'opaque').length
}

/** The same as a fleet, in which each system's plan has its name for a digest. Throws when a system was not looked at. */
async function countedAsFleet(plan: Plan, readers: object, signal: AbortSignal): Promise<void> {
  const parts = Map.groupBy(plan.subject.nodes, ({ system }) => system ?? '')
  const partOf = (nodes: PlanNode[], digest: string): Plan => ({
    ...plan,
    digest,
    subject: { ...plan.subject, nodes },
  })
  const runs = [...parts.keys()].map((id) => ({
    ...node(id, 'run', {}),
    waitFor: { kind: 'run' as const, digest: id, parts: {}, prerequisites: [] },
  }))
  const looking = { stepTypes, readers, site: 'gwangju', clock: systemClock, signal, ...planningBounds }
  const partsOf = async (nodes: readonly PlanNode[]) => nodes.map(({ id }) => partOf(parts.get(id) ?? [], id))
  const { systems, left } = await observeFleet(partOf(runs, 'fleet'), partsOf, looking)
  if (systems.looked !== systems.all) throw new Error(`not looked at: ${JSON.stringify(left)}`)
}

/** The same requests of the cluster, as many at once, by the same client and without a plan around them. */
async function bareCalls(kubernetes: KubernetesReader, systems: number, signal: AbortSignal): Promise<void> {
  const lane = createLane(planningBounds.concurrency)
  const one = async (nth: number) => {
    const ref = deploymentRef(namespace, nameOf(nth))
    const { metadata } = (await kubernetes.get(ref, signal)) ?? { metadata: {} }
    const { uid = '', resourceVersion = '' } = metadata as { uid?: string; resourceVersion?: string }
    await kubernetes.dryRun.scale(ref, 1, { uid, resourceVersion }, signal)
    await kubernetes.get(ref, signal)
  }
  await Promise.all(Array.from({ length: systems }, (_, nth) => lane(() => one(nth))))
}

/** The figures as lines for a terminal. */
export function planTable({ bounds, rows }: PlanFigures): string[] {
  const { concurrency, withinMs, totalMs } = bounds
  const of = ({ median, q1, q3 }: Spread) => `${median.toFixed(2)} (${q1.toFixed(2)}–${q3.toFixed(2)})`
  return [
    `A plan that is looked at live: ${concurrency} looks at once a site, ${withinMs / 1_000} s each, ${totalMs / 1_000} s for all; seconds, less is better`,
    `The cluster alone: the same ${callsPerSystem} requests a system. Medians, in brackets the middle half; the fleet and the silent source once.`,
    '',
    `${'systems'.padEnd(9)}${'cluster alone'.padEnd(22)}${'plan, source answers'.padEnd(24)}${'as a fleet'.padEnd(12)}${'source silent'.padEnd(16)}not seen, silent`,
    ...rows.map(({ systems, bare, answering: answers, fleet, silent, opaque }) => {
      const missed = opaque.answering === 0 ? '' : `; ${opaque.answering} not seen while it answered`
      return `${String(systems).padEnd(9)}${of(bare).padEnd(22)}${of(answers).padEnd(24)}${fleet.toFixed(2).padEnd(12)}${silent.toFixed(2).padEnd(16)}${opaque.silent} of ${systems * 3}${missed}`
    }),
  ]
}
