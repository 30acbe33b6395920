import type { Plan } from '#plan/plan.ts'
import { growthExponent, percentile, spreadOf, type Spread } from './figures.ts'
import { compare, interleave, type Comparison } from './interleave.ts'
import { rawCommits } from './raw.ts'
import { chain, createRunner, parallel, type Runner } from './runs.ts'
import { openStorage, type BenchStorage } from './storage.ts'

const pairs = 10
const stepsInARow = 200
const runsAtOnce = 100
const stepsOfEach = 10
/** Connections of the daemon's own pool, on which the bare side is measured too. */
const ownConnections = 20
const sizes = [10, 100, 1_000]
const largest = 10_000
/** Most that the runs of one round may take. */
const mostMs = 60_000
/** How long each part goes on with beginning rounds. */
const budgetMs = { sequential: 20_000, atOnce: 20_000, graph: 8_000, largest: 30_000 }

/** Over all rounds: what was done, beside how often PostgreSQL synced its log to the disk meanwhile. */
export interface Durability {
  /** Steps, or raw commits. */
  done: number
  /** Transactions that wrote them. */
  commits: number
  syncs: number
}

export interface Sequential {
  /** Milliseconds of a step beside those of a commit; each number is one round's. */
  p50: Comparison
  p95: Comparison
  durability: Record<'steps' | 'commits', Durability>
}

export interface AtOnce {
  stepsPerSecond: Spread
  /** By the number of connections: one for each caller, and as many as the daemon has. */
  commitsPerSecond: { connections: number; rate: Spread; ratio: Spread }[]
  durability: Record<'steps' | 'commits', Durability>
}

export interface Graph {
  size: number
  /** Milliseconds from the request to the durable end, beside as many raw commits. */
  total: Comparison
}

export interface EngineFigures {
  settings: Record<string, string>
  sequential: Sequential
  atOnce: AtOnce
  graphs: Graph[]
  /** Why the largest graph was left out; null when it was not. */
  leftOut: string | null
  /** Of the total time over all sizes, and between each size and the one before. */
  exponent: { all: number; each: number[]; bare: number }
}

/** What there is to measure with. */
interface Bench {
  storage: BenchStorage
  runner: Runner
  signal: AbortSignal
  say: (line: string) => void
}

/** Durable steps of the engine beside raw commits on the same PostgreSQL. Leaves nothing behind. */
export async function benchEngine(signal: AbortSignal, say: Bench['say']): Promise<EngineFigures> {
  await using stack = new AsyncDisposableStack()
  say('starting PostgreSQL')
  const storage = await openStorage(stack)
  const bench: Bench = { storage, runner: createRunner(storage.pool, stack), signal, say }
  await warmUp(bench)
  const sequential = await measureSequential(bench)
  const atOnce = await measureAtOnce(bench)
  const { graphs, leftOut } = await measureGraphs(bench)
  return { settings: storage.settings, sequential, atOnce, graphs, leftOut, exponent: exponentsOf(graphs) }
}

async function warmUp({ storage, runner, signal, say }: Bench): Promise<void> {
  say('warming up')
  await runner.run([chain(stepsInARow)], signal)
  await runner.run(
    Array.from({ length: runsAtOnce }, () => chain(stepsOfEach)),
    signal,
  )
  await rawCommits(storage.bare, 2_000, runsAtOnce)
}

function sumOf(samples: readonly Durability[]): Durability {
  const sum = (key: keyof Durability) => samples.reduce((all, sample) => all + sample[key], 0)
  return { done: sum('done'), commits: sum('commits'), syncs: sum('syncs') }
}

interface Sample {
  ms: number
  /** Milliseconds of each step or commit. */
  each: number[]
  durability: Durability
}

async function steps({ storage, runner, signal }: Bench, plans: readonly Plan[]): Promise<Sample> {
  const before = await storage.syncs()
  const { ms, moments, runIds } = await runner.run(
    plans,
    AbortSignal.any([signal, AbortSignal.timeout(mostMs)]),
  )
  const syncs = (await storage.syncs()) - before
  const each = moments.slice(1).map((moment, index) => moment - (moments[index] ?? 0))
  const done = plans.reduce((sum, plan) => sum + plan.subject.nodes.length, 0)
  return { ms, each, durability: { done, commits: await storage.journalCommits(runIds), syncs } }
}

async function commits({ storage }: Bench, count: number, connections: number): Promise<Sample> {
  const before = await storage.syncs()
  const measured = await rawCommits(storage.bare, count, connections)
  const syncs = (await storage.syncs()) - before
  return { ...measured, durability: { done: count, commits: count, syncs } }
}

async function measureSequential(bench: Bench): Promise<Sequential> {
  const { signal, say } = bench
  say(`${pairs} × ${stepsInARow} steps one after the other, and as many commits`)
  const plan = chain(stepsInARow)
  const until = performance.now() + budgetMs.sequential
  const rounds = await interleave(
    {
      steps: () => steps(bench, [plan]),
      commits: () => commits(bench, stepsInARow, 1),
    },
    { rounds: pairs, until, signal },
  )
  const at = (p: number) =>
    compare(
      rounds.map((round) => ({
        ours: percentile(round.steps.each, p),
        baseline: percentile(round.commits.each, p),
      })),
    )
  return {
    p50: at(50),
    p95: at(95),
    durability: {
      steps: sumOf(rounds.map((round) => round.steps.durability)),
      commits: sumOf(rounds.map((round) => round.commits.durability)),
    },
  }
}

async function measureAtOnce(bench: Bench): Promise<AtOnce> {
  const { signal, say } = bench
  const count = runsAtOnce * stepsOfEach
  say(`${pairs} × ${runsAtOnce} runs of ${stepsOfEach} steps at once, and as many commits`)
  const plans = Array.from({ length: runsAtOnce }, () => chain(stepsOfEach))
  const until = performance.now() + budgetMs.atOnce
  const rounds = await interleave(
    {
      steps: () => steps(bench, plans),
      callers: () => commits(bench, count, runsAtOnce),
      own: () => commits(bench, count, ownConnections),
    },
    { rounds: pairs, until, signal },
  )
  const rate = (sample: { ms: number }) => (count / sample.ms) * 1_000
  const beside = (side: 'callers' | 'own', connections: number) => {
    const { baseline, ratio } = compare(
      rounds.map((round) => ({ ours: rate(round.steps), baseline: rate(round[side]) })),
    )
    return { connections, rate: baseline, ratio }
  }
  return {
    stepsPerSecond: spreadOf(rounds.map((round) => rate(round.steps))),
    commitsPerSecond: [beside('callers', runsAtOnce), beside('own', ownConnections)],
    durability: {
      steps: sumOf(rounds.map((round) => round.steps.durability)),
      commits: sumOf(rounds.map((round) => round.callers.durability)),
    },
  }
}

async function measureGraphs(bench: Bench): Promise<{ graphs: Graph[]; leftOut: string | null }> {
  const graphs: Graph[] = []
  for (const size of sizes) graphs.push(await measureGraph(bench, size, budgetMs.graph))
  const last = graphs.at(-1)
  const growth = Math.max(1, growthExponent(pointsOf(graphs.slice(-2))))
  const expectedMs = (last?.total.ours.median ?? 0) * (largest / (last?.size ?? 1)) ** growth
  if (expectedMs > mostMs) {
    return { graphs, leftOut: `${largest} steps would take about ${Math.round(expectedMs / 1_000)} s` }
  }
  try {
    graphs.push(await measureGraph(bench, largest, budgetMs.largest))
    return { graphs, leftOut: null }
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'TimeoutError') throw error
    return { graphs, leftOut: `${largest} steps were not done within ${mostMs / 1_000} s` }
  }
}

async function measureGraph(bench: Bench, size: number, withinMs: number): Promise<Graph> {
  const { signal, say } = bench
  say(`${pairs} × ${size} steps that need none of the others, and as many commits`)
  const plan = parallel(size)
  const until = performance.now() + withinMs
  const done = await interleave(
    {
      steps: () => steps(bench, [plan]),
      commits: () => commits(bench, size, Math.min(size, runsAtOnce)),
    },
    { rounds: pairs, until, signal },
  )
  return { size, total: compare(done.map((round) => ({ ours: round.steps.ms, baseline: round.commits.ms }))) }
}

function pointsOf(graphs: readonly Graph[], side: 'ours' | 'baseline' = 'ours') {
  return graphs.map(({ size, total }) => ({ size, cost: total[side].median }))
}

function exponentsOf(graphs: readonly Graph[]): EngineFigures['exponent'] {
  return {
    all: growthExponent(pointsOf(graphs)),
    each: graphs.slice(1).map((_, index) => growthExponent(pointsOf(graphs.slice(index, index + 2)))),
    bare: growthExponent(pointsOf(graphs, 'baseline')),
  }
}
