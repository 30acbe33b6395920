import type { Plan } from '#plan/plan.ts'
import { installPeers } from './peers/packages.ts'
import { peerNames, type PeerFacts } from './peers/peer.ts'
import { startPeer } from './peers/process.ts'
import { rawCommits } from './raw.ts'
import { chainPlan, createRunner, parallelPlan } from './runs.ts'
import { bareConnections, ownConnections, type BenchStorage } from './storage.ts'
import { doneOf, type Done, type Work } from './work.ts'

/** One of those that are measured in turns. */
export interface Side {
  name: string
  /** Throws the signal's reason when that comes first; what was begun may go on then. */
  run(work: Work, signal: AbortSignal): Promise<Done>
  /** How often its store has synced its log to the disk, as the store counts itself. */
  syncs(): Promise<number>
  /** The processes of its store. */
  storePids(): number[]
}

export interface Sides {
  /** Haetae first, then what it is measured beside. */
  all: [Side, ...Side[]]
  /** Raw commits over as many connections as the daemon has, not one for each caller. */
  rawOnOwnConnections: Side
  peers: Record<string, PeerFacts>
}

/** Haetae's engine and raw commits; with `peers` the other engines too. All are stopped by `stack`. */
export async function openSides(
  storage: BenchStorage,
  { peers, stack, say }: { peers: boolean; stack: AsyncDisposableStack; say: (line: string) => void },
): Promise<Sides> {
  const sides: Sides = {
    all: [engineSide(storage, stack), rawSide(storage, 'raw commits', bareConnections)],
    rawOnOwnConnections: rawSide(storage, `raw commits, ${ownConnections} connections`, ownConnections),
    peers: {},
  }
  if (!peers) return sides
  await installPeers(say)
  for (const name of peerNames) {
    say(`starting ${name}`)
    const { facts, run, syncs } = await startPeer(name, {
      home: storage.home,
      postgres: storage.folder,
      stack,
    })
    sides.peers[name] = facts
    sides.all.push({
      name,
      run: (work, signal) => unlessAborted(signal, run(work)),
      syncs,
      storePids: () => (facts.storePid === null ? storage.pids() : [facts.storePid]),
    })
  }
  return sides
}

function engineSide(storage: BenchStorage, stack: AsyncDisposableStack): Side {
  const runner = createRunner(storage.pool, stack)
  return {
    name: 'Haetae',
    async run({ runs, steps, order }, signal) {
      const plan = order === 'chain' ? chainPlan(steps) : parallelPlan(steps)
      const plans = Array.from<Plan>({ length: runs }).fill(plan)
      const { began, moments, ended } = await unlessAborted(signal, runner.run(plans))
      return doneOf(began, moments, ended)
    },
    syncs: () => storage.syncs(),
    storePids: () => storage.pids(),
  }
}

/** A commit for each step: one after the other, or over a connection for each caller up to `most`. */
function rawSide(storage: BenchStorage, name: string, most: number): Side {
  return {
    name,
    run({ runs, steps, order }, signal) {
      const callers = order === 'chain' ? runs : steps
      return unlessAborted(signal, rawCommits(storage.bare, runs * steps, Math.min(callers, most)))
    },
    syncs: () => storage.syncs(),
    storePids: () => storage.pids(),
  }
}

function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort))
}
