import type { Journal } from '#engine/journal/journal.ts'
import type { Clock } from '#model/time.ts'
import type { SimProcess } from './process.ts'

/** The journal as one process reaches it: every call takes time, and may find the process gone before or after it. */
export function journalOf(
  process: SimProcess,
  store: Journal,
  clock: Clock,
  latencyMs: () => number,
): Journal {
  let tail: Promise<unknown> = Promise.resolve()
  const call = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    await process.point(`${name}: before`)
    process.failIfAsked()
    const result = work()
    await result.catch(() => {})
    await process.point(`${name}: after`)
    process.failIfAsked()
    return result
  }
  const ask = async <T>(work: () => Promise<T>): Promise<T> => {
    await process.running()
    await clock.sleep(latencyMs())
    return work()
  }
  // Appends land in the order in which they were made, as the journal promises.
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const next = tail.then(async () => {
      await clock.sleep(latencyMs())
      return work()
    })
    tail = next.catch(() => {})
    return next
  }
  return {
    create: (run) => call('create', () => store.create(run)),
    acquire: (runId, holder, ttlMs) => call('acquire', () => store.acquire(runId, holder, ttlMs)),
    renew: (holder, ttlMs) => ask(() => store.renew(holder, ttlMs)),
    release: (term) => ask(() => store.release(term)),
    takeable: (daemon) => ask(() => store.takeable(daemon)),
    append: (term, events) =>
      inOrder(() =>
        call(`append ${events.map((event) => event.kind).join('+')}`, () => store.append(term, events)),
      ),
    command: (runId, command, by, fleet) => call('command', () => store.command(runId, command, by, fleet)),
    takeOver: (runId, by, reason) => call('take over', () => store.takeOver(runId, by, reason)),
    lockAgain: (term) => call('lock again', () => store.lockAgain(term)),
    read: (runId, after, limit) => ask(() => store.read(runId, after, limit)),
    commands: (after) => ask(() => store.commands(after)),
    run: (runId) => ask(() => store.run(runId)),
    plan: (runId) => ask(() => store.plan(runId)),
    runs: (filter) => ask(() => store.runs(filter)),
    locks: () => ask(() => store.locks()),
  }
}
