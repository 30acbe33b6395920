import { setTimeout as sleep } from 'node:timers/promises'
import type { ReplyOf } from '#api/contract.ts'
import { isHaetaeError, messageOf } from '#model/errors.ts'
import type { Client } from './client.ts'
import { runUpdates } from './events.ts'
import { AnswerLost } from './transport.ts'

export interface Watcher {
  entry(entry: ReplyOf<'runEvents'>): void
  /** Where the run stands, after something happened and nothing has for a moment. */
  standing(run: ReplyOf<'runShow'>): void
  /** The daemon was lost; said once for each loss. */
  lost(why: string): void
  /** It is back, and the journal goes on from this seq. */
  back(seq: number): void
}

const retryMs = 500
/** How long the journal has to be quiet before it is worth asking where the run stands. */
const quietMs = 400
/** One that is never quiet is asked about this often. */
const latestMs = 1500

/**
 * Follows a run to its end through every restart of the daemon, from a sequence number on, each entry once.
 * Returns the state in which it ended. Throws what the first connection throws (`run-unknown`,
 * `daemon-unreachable`, …); later, only what waiting cannot heal.
 */
export async function watchRun(client: Client, run: string, from: number, watcher: Watcher): Promise<string> {
  let next = Math.max(1, from)
  let connected = false
  let lost = false
  for (;;) {
    const standing = new Standing(client, run, watcher)
    try {
      if (!connected) await standing.look()
      connected = true
      for await (const update of runUpdates(client, run, next)) {
        if (lost) watcher.back(next)
        lost = false
        if (update.kind === 'end') return update.state
        next = update.entry.seq + 1
        watcher.entry(update.entry)
        standing.soon()
      }
    } catch (error) {
      if (!isPassing(error) || (!connected && isHaetaeError(error))) throw error
      if (!lost) watcher.lost(messageOf(error))
      lost = true
    } finally {
      standing.stop()
    }
    await sleep(retryMs)
  }
}

/** What a restart of the daemon, or of its PostgreSQL, heals. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof AnswerLost ||
    isHaetaeError(error, 'daemon-unreachable') ||
    isHaetaeError(error, 'postgres-unavailable')
  )
}

/** Asks where the run stands once the journal has been quiet for a moment, or has not been for a while. */
class Standing {
  readonly #client: Client
  readonly #run: string
  readonly #watcher: Watcher
  #timer: NodeJS.Timeout | undefined
  #latest: number | undefined

  constructor(client: Client, run: string, watcher: Watcher) {
    this.#client = client
    this.#run = run
    this.#watcher = watcher
  }

  soon(): void {
    clearTimeout(this.#timer)
    this.#latest ??= performance.now() + latestMs
    const wait = Math.min(quietMs, this.#latest - performance.now())
    // A failure here is the stream's to notice.
    this.#timer = setTimeout(() => void this.look().catch(() => undefined), wait)
  }

  async look(): Promise<void> {
    this.#latest = undefined
    this.#watcher.standing(await this.#client.call('runShow', { params: { run: this.#run } }))
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
