import { createEngine } from '#engine/engine.ts'
import type { Engine } from '#engine/engine-port.ts'
import { memoryJournal } from '#engine/journal/memory.ts'
import type { Journal } from '#engine/journal/journal.ts'
import type { Approvals, Assumptions, PlanChild } from '#engine/ports.ts'
import { readView } from '#engine/run-reader.ts'
import type { JournalRecord } from '#engine/state/events.ts'
import { openNeeds } from '#engine/state/needs.ts'
import { nodesOf, type RunView } from '#engine/state/view.ts'
import { terminalRunStates } from '#model/states.ts'
import type { Plan } from '#plan/plan.ts'
import { createResolver } from '#plan/resolve.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import { settle, VirtualClock } from './clock.ts'
import { journalOf } from './journal.ts'
import { SimProcess } from './process.ts'
import type { Random } from './random.ts'
import { simTypes } from './types.ts'
import { World, type Landed } from './world.ts'

export const runId = 'run-1'
export const requester = 'operator-1'
export const ttlMs = 3_000
/** Time for a thawed process to do what it still would. */
const lingerMs = 50

export const mishaps = ['kill, same daemon', 'kill, other daemon', 'freeze', 'journal fails'] as const
export type Mishap = (typeof mishaps)[number]

export interface SimOptions {
  plan: Plan
  /** What happens at which point, counted from 1. */
  mishaps?: ReadonlyMap<number, Mishap>
  /** Faults of the world, by this source. */
  faults?: Random
  latencyMs?: () => number
  approvals?: Approvals
  assumptions?: Assumptions
  /** Step types beside the usual ones. */
  types?: ReadonlyMap<string, AnyStepType>
  /** Plans of the runs of a fleet's systems. */
  planChild?: PlanChild
  /** The run that a node with an effect is of, where there are several. */
  runOf?: (node: string) => string
  /** The epoch that the run holds. */
  epoch?: () => number | undefined
  concurrency?: number
  /** How often commands of people are looked for; they are written into the journal, past any process. */
  commandsEveryMs?: number
  /** The clock on the wall of every process, from the true time. */
  wall?: (now: number) => number
  /** Called between steps of time. Time stands still until it returns: it must not wait for the engine. */
  between?: (sim: Simulation) => Promise<void> | void
  /** Virtual milliseconds after which a run counts as hanging. */
  patienceMs?: number
  /** For trying whether the asserts bite: alters the journal that processes see. */
  mutate?: (journal: Journal) => Journal
}

/** A change with the journal as it was durable at that moment. */
export interface Witnessed extends Landed {
  records: JournalRecord[]
}

export interface Simulation {
  plan: Plan
  clock: VirtualClock
  world: World
  store: Journal
  engine: Engine
  processes: SimProcess[]
  /** Starts a process of another daemon. */
  bootAnother(): void
  /** Processes that will start. */
  booting: number
  /** Points passed so far. */
  points: number
  names: string[]
  witnessed: Witnessed[]
  proofs: { node: string | null; by: SimProcess; afterSeq: number }[]
  /** Effects that a process began without holding the run. */
  trespasses: string[]
  /** Which process wrote under which term. */
  writers: Map<number, Set<SimProcess>>
}

const twoApprovers: Approvals = { at: async () => ({ granted: ['approver-1', 'approver-2'], rejected: [] }) }
const allHold: Assumptions = { broken: async () => [] }

/** Runs a plan until it has ended or asks a person; processes die and come back as the mishaps say. */
export async function simulate(options: SimOptions): Promise<Simulation> {
  const clock = new VirtualClock()
  const world = new World(clock, options.faults)
  const store = memoryJournal(clock)
  const sim: Simulation = {
    plan: options.plan,
    clock,
    world,
    store,
    engine: undefined as unknown as Engine,
    processes: [],
    bootAnother: () => boot(sim, options, `daemon-${sim.processes.length + 1}`),
    booting: 0,
    points: 0,
    names: [],
    witnessed: [],
    proofs: [],
    trespasses: [],
    writers: new Map(),
  }
  const pending: Promise<void>[] = []
  const { runOf = () => runId } = options
  world.onAsked = (node, by) => {
    pending.push(
      store.run(runOf(node)).then((row) => {
        if (row?.holder?.incarnation !== by.incarnation)
          sim.trespasses.push(`${by.incarnation} began ${node} without the run's term`)
        if (row?.state === 'paused') sim.trespasses.push(`${by.incarnation} began ${node} in a pause`)
      }),
    )
  }
  world.onLanded = (landed) => {
    pending.push(
      store
        .read(runOf(landed.node), 0, 1e6)
        .then((records) => void sim.witnessed.push({ ...landed, records })),
    )
  }
  boot(sim, options, 'daemon-1')
  await drive(sim, options)
  await Promise.all(pending)
  return sim
}

/** Starts a process with an engine of its own. */
function boot(sim: Simulation, options: SimOptions, daemon: string): void {
  const onPoint = (process: SimProcess, name: string) => {
    sim.points += 1
    sim.names.push(name)
    const mishap = options.mishaps?.get(sim.points)
    if (mishap !== undefined) strike(sim, options, process, mishap)
  }
  const process = new SimProcess(daemon, `${daemon}/${sim.processes.length}`, onPoint)
  sim.processes.push(process)
  const journal = journalOf(
    process,
    written(sim, process),
    process.clock(sim.clock),
    options.latencyMs ?? (() => 1),
  )
  const assumptions = options.assumptions ?? allHold
  const stepTypes = new Map([...simTypes, ...(options.types ?? [])])
  const engine = createEngine({
    journal: options.mutate?.(journal) ?? journal,
    stepTypes,
    contexts: {
      readers: () => ({ world: sim.world, process }),
      writers: () => ({ world: sim.world, process }),
    },
    approvals: options.approvals ?? twoApprovers,
    assumptions: {
      broken: async (check) => {
        await process.running()
        const broken = await assumptions.broken(check)
        if (check.moment === 'effect') return broken
        const row = await sim.store.run(runId)
        sim.proofs.push({ node: check.node?.id ?? null, by: process, afterSeq: row?.lastSeq ?? 0 })
        return broken
      },
    },
    authority: { epochOf: async () => (options.epoch === undefined ? 7 : options.epoch()) },
    resolve: createResolver(stepTypes),
    ...(options.planChild === undefined ? {} : { planChild: options.planChild }),
    clock: { ...process.clock(sim.clock), now: () => (options.wall ?? ((now) => now))(sim.clock.now()) },
    monotonic: () => sim.clock.now(),
    log: silent,
    metrics: { attemptEnded() {}, nodeEnded() {}, runEnded() {}, termLost() {} },
    holder: { daemon, incarnation: process.incarnation },
    ttlMs,
    concurrency: options.concurrency ?? 16,
    commandsEveryMs: options.commandsEveryMs ?? 500,
  })
  sim.engine = engine
  void begin(sim, options, engine)
}

const silent = { info() {}, warn() {}, error() {} }

/** The operator's request, made again as long as the run is not there; a restarted daemon goes on. */
async function begin(sim: Simulation, options: SimOptions, engine: Engine): Promise<void> {
  while ((await sim.store.run(runId)) === undefined) {
    const request = { id: runId, plan: options.plan, requester, reason: 'a drill' }
    await engine.start(request).catch(() => sim.clock.sleep(10))
  }
  await engine.resumeAll().catch(() => {})
}

/** Remembers who wrote under which term. */
function written(sim: Simulation, process: SimProcess): Journal {
  return {
    ...sim.store,
    append: async (term, events) => {
      const records = await sim.store.append(term, events)
      const writers = sim.writers.get(term.term) ?? new Set()
      if (term.runId === runId) sim.writers.set(term.term, writers.add(process))
      return records
    },
  }
}

function strike(sim: Simulation, options: SimOptions, process: SimProcess, mishap: Mishap): void {
  if (mishap === 'journal fails') {
    // Only a call of the journal can fail so; at an effect there is nothing to break.
    if (!(sim.names.at(-1) ?? '').startsWith('effect')) process.breakCall()
    return
  }
  const later = (ms: number, work: () => void) => void sim.clock.sleep(ms).then(work)
  if (mishap === 'freeze') {
    process.freeze()
    later(4 * ttlMs, () => void process.thaw())
  } else {
    process.kill()
  }
  const daemon = mishap === 'kill, same daemon' ? process.daemon : `daemon-${sim.processes.length + 1}`
  sim.booting += 1
  later(20, () => {
    sim.booting -= 1
    boot(sim, options, daemon)
  })
}

async function drive(sim: Simulation, options: SimOptions): Promise<void> {
  const end = sim.clock.now() + (options.patienceMs ?? 3_600_000)
  let quietSince: number | undefined
  while (sim.clock.now() < end) {
    await settle()
    await options.between?.(sim)
    // Whatever is still on its way (a frozen process, a late request) gets its time before the end is judged.
    const busy = sim.world.onTheWay > 0 || sim.booting > 0 || sim.processes.some((process) => process.frozen)
    const quiet = !busy && (await isQuiet(sim.store))
    quietSince = quiet ? (quietSince ?? sim.clock.now()) : undefined
    if (quietSince !== undefined && sim.clock.now() > quietSince + lingerMs) return
    if (!sim.clock.advance()) return
  }
}

/** True when the run has ended, or nothing of it can go on before a person answers. */
async function isQuiet(store: Journal): Promise<boolean> {
  const row = await store.run(runId)
  if (row === undefined) return false
  if (terminalRunStates.has(row.state)) return true
  if (row.state !== 'needs-person') return false
  const view = await readView(store, runId)
  // Who has asked for something is answered first.
  return view.commands.size === 0 && waitsForPersonsOnly(view)
}

export function waitsForPersonsOnly(view: RunView): boolean {
  if (view.question !== null && view.startedAt === null) return true
  return nodesOf(view).every((node) => {
    const state = view.nodes.get(node.id)?.state
    if (state === 'running' || state === 'unknown') return false
    return state !== 'waiting' || openNeeds(view, node).length > 0
  })
}
