import { prove, type Proof } from './durability.ts'
import { percentile } from './figures.ts'
import { exponentsOf, measureGraphs, type Exponent, type Graph } from './graphs.ts'
import { whyNotCounted } from './kernel.ts'
import { beside, rounds, syncsPerStep, type Bench, type Beside, type Extent } from './measure.ts'
import type { PeerFacts } from './peers/peer.ts'
import { openSides } from './sides.ts'
import { openStorage } from './storage.ts'
import { chain } from './work.ts'

export const fullExtent: Extent = {
  ...{ rounds: 10, stepsInARow: 200, runsAtOnce: 100, stepsOfEach: 10, sizes: [10, 100, 1_000, 10_000] },
  ...{ mostMs: 60_000, budgetMs: { sequential: 30_000, atOnce: 30_000, graph: 20_000 } },
}

/** Shows that everything runs; its figures mean little. */
export const quickExtent: Extent = {
  ...{ rounds: 2, stepsInARow: 20, runsAtOnce: 10, stepsOfEach: 2, sizes: [10, 30, 100] },
  ...{ mostMs: 60_000, budgetMs: { sequential: 5_000, atOnce: 5_000, graph: 5_000 } },
}

export interface EngineFigures {
  extent: Extent
  settings: Record<string, string>
  peers: Record<string, PeerFacts>
  /** By side; null when the kernel could not be asked, and why. */
  proofs: Record<string, Proof> | null
  whyNoProofs: string | null
  /** Milliseconds of a step, or of a raw commit; each number is one round's. */
  sequential: { p50: Beside; p95: Beside; syncsPerStep: Record<string, number> }
  /** Steps, or raw commits, a second. */
  atOnce: { rate: Beside; syncsPerStep: Record<string, number> }
  /** Milliseconds from the request to the durable end, beside as many raw commits. */
  graphs: Graph[]
  leftOut: string[]
  /** Of the time of a graph, by side. */
  exponents: Record<string, Exponent>
}

/**
 * Durable steps of the engine beside raw commits on the same PostgreSQL and, with `peers`, beside other durable
 * engines. Leaves nothing behind but the packages of the peers.
 */
export async function benchEngine(
  { extent, peers }: { extent: Extent; peers: boolean },
  signal: AbortSignal,
  say: Bench['say'],
): Promise<EngineFigures> {
  await using stack = new AsyncDisposableStack()
  say('starting PostgreSQL')
  const storage = await openStorage(stack)
  const sides = await openSides(storage, { peers, stack, say })
  const measure: Bench['measure'] = async (side, work) => {
    const before = await side.syncs()
    const done = await side.run(work, AbortSignal.any([signal, AbortSignal.timeout(extent.mostMs)]))
    return { ...done, syncs: (await side.syncs()) - before }
  }
  const bench: Bench = { extent, sides: sides.all, measure, signal, say }
  await warmUp(bench)
  const whyNoProofs = await whyNotCounted(say)
  const proofs = whyNoProofs === null ? await proveAll(bench, storage.home) : null
  const sequential = await measureSequential(bench)
  const atOnce = await measureAtOnce({ ...bench, sides: [...bench.sides, sides.rawOnOwnConnections] })
  const { graphs, leftOut } = await measureGraphs(bench)
  return {
    ...{ extent, settings: storage.settings, peers: sides.peers, proofs, whyNoProofs },
    ...{ sequential, atOnce, graphs, leftOut, exponents: exponentsOf(graphs) },
  }
}

async function warmUp({ extent, sides, measure, say }: Bench): Promise<void> {
  say('warming up')
  for (const side of sides) {
    await measure(side, chain(extent.stepsInARow))
    await measure(side, chain(extent.stepsOfEach, extent.runsAtOnce))
  }
}

async function proveAll({ extent, sides, signal, say }: Bench, folder: string) {
  const steps = extent.stepsInARow
  const proofs: Record<string, Proof> = {}
  for (const side of sides) {
    say(`counting what the kernel syncs for ${steps} steps of ${side.name}`)
    proofs[side.name] = await prove(side, folder, steps, signal)
  }
  return proofs
}

async function measureSequential(bench: Bench): Promise<EngineFigures['sequential']> {
  const { extent, say } = bench
  say(`${extent.rounds} × ${extent.stepsInARow} steps one after the other, on each side in turn`)
  const samples = await rounds(bench, chain(extent.stepsInARow), extent.budgetMs.sequential)
  return {
    p50: beside(bench, samples, ({ each }) => percentile(each, 50)),
    p95: beside(bench, samples, ({ each }) => percentile(each, 95)),
    syncsPerStep: syncsPerStep(bench, samples, extent.stepsInARow),
  }
}

async function measureAtOnce(bench: Bench): Promise<EngineFigures['atOnce']> {
  const { extent, say } = bench
  const { runsAtOnce, stepsOfEach } = extent
  say(`${extent.rounds} × ${runsAtOnce} runs of ${stepsOfEach} steps at once, on each side in turn`)
  const samples = await rounds(bench, chain(stepsOfEach, runsAtOnce), extent.budgetMs.atOnce)
  const steps = runsAtOnce * stepsOfEach
  return {
    rate: beside(bench, samples, ({ ms }) => (steps / ms) * 1_000),
    syncsPerStep: syncsPerStep(bench, samples, steps),
  }
}
