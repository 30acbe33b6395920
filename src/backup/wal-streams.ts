import { join } from 'node:path'
import { messageOf } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import type { Attempt, Source } from './backup.ts'
import type { BackupLog } from './log.ts'
import type { ReplicationAccess } from './tools/source.ts'
import { streamWal, walSlotOf } from './tools/wal-stream.ts'

/** What the source says of our stream. */
export interface StreamPosition {
  /** Position up to which we have written. */
  position: string
  /** Bytes of WAL at the source that we do not have yet. */
  lagBytes: number
  lagSeconds: number
  /** The source's clock, less the lag. */
  recoveryPoint: string
}

export interface WalStreamParts {
  clock: Clock
  log: BackupLog
  /** This site. */
  site: string
  folder: string
  access: ReplicationAccess
  /** Asks the source about the stream of that name; undefined when it has none. May throw. */
  positionOf(source: Source, slot: string, signal: AbortSignal): Promise<StreamPosition | undefined>
  logger: { warn(fields: object, message: string): void; info(fields: object, message: string): void }
  askEveryMs?: number
}

export interface StreamState {
  source: Source
  /** Since when it receives, milliseconds; undefined while it does not. */
  up: number | undefined
  /** Since when it does not receive, milliseconds. */
  down: number | undefined
  why: string | undefined
  last: StreamPosition | undefined
}

/** A receiver that lives this long after the source accepted us has begun to stream. */
const settledMs = 1_500

/** One pg_receivewal per database that is primary at another site, started again with growing pauses. */
export class WalStreams {
  readonly #parts: WalStreamParts
  readonly #streams = new Map<string, { key: string; stop: () => Promise<void>; state: StreamState }>()

  constructor(parts: WalStreamParts) {
    this.#parts = parts
  }

  /** Starts what should stream and does not, stops what should not any more (its system moved). */
  async reconcile(sources: readonly Source[]): Promise<void> {
    const wanted = new Map(sources.map((source) => [source.system, source]))
    for (const [system, stream] of this.#streams) {
      const source = wanted.get(system)
      if (source !== undefined && keyOf(source) === stream.key) continue
      this.#streams.delete(system)
      await stream.stop()
    }
    for (const source of sources) if (!this.#streams.has(source.system)) this.#start(source)
  }

  states(): StreamState[] {
    return [...this.#streams.values()].map((stream) => stream.state)
  }

  async stop(): Promise<void> {
    const streams = [...this.#streams.values()]
    this.#streams.clear()
    await Promise.all(streams.map((stream) => stream.stop()))
  }

  #start(source: Source): void {
    const ending = new AbortController()
    const state: StreamState = {
      source,
      up: undefined,
      down: this.#parts.clock.now(),
      why: 'it has not begun',
      last: undefined,
    }
    const running = Promise.all([
      this.#stream(source, state, ending.signal),
      this.#askPositions(source, state, ending.signal),
    ])
    const stop = async (): Promise<void> => {
      ending.abort()
      await running
    }
    this.#streams.set(source.system, { key: keyOf(source), stop, state })
  }

  async #stream(source: Source, state: StreamState, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts
    let pause = 500
    let told: string | undefined
    while (!signal.aborted) {
      const session = new Session(this.#parts, source, state, signal)
      const why = await session.run()
      if (signal.aborted) return
      if (session.streamed) pause = 500
      if (why !== told) logger.warn({ system: source.system, site: source.site, why }, 'a WAL stream ended')
      told = why
      await clock.sleep(pause, signal).catch(() => undefined)
      pause = Math.min(pause * 2, 15_000)
    }
  }

  async #askPositions(source: Source, state: StreamState, signal: AbortSignal): Promise<void> {
    const { clock, positionOf, log, site, askEveryMs } = this.#parts
    while (!signal.aborted) {
      await clock.sleep(askEveryMs ?? 10_000, signal).catch(() => undefined)
      if (signal.aborted || state.up === undefined) continue
      try {
        const found = await positionOf(source, walSlotOf(site), signal)
        if (found === undefined) continue
        state.last = found
        await log.streamed({
          system: source.system,
          tool: 'wal-stream',
          site,
          sourceSite: source.site,
          folder: folderOf(this.#parts.folder, source),
          recoveryPoint: found.recoveryPoint,
          position: found.position,
          bytes: null,
          verifiedAt: null,
        })
      } catch {
        // The stream itself goes on, whoever of the two did not answer; the last position stays with its moment.
      }
    }
  }
}

function keyOf(source: Source): string {
  return `${source.site} ${source.host}:${source.port}`
}

/** WAL of each source lies apart: after a failover the timelines of two sites must not mix in one folder. */
export function folderOf(folder: string, source: Source): string {
  return join(folder, source.system, `wal-${source.site}`)
}

/** One connection, from its start to its loss. It is an attempt in the log once it has begun to stream. */
class Session {
  readonly #parts: WalStreamParts
  readonly #source: Source
  readonly #state: StreamState
  readonly #signal: AbortSignal
  #attempt: Attempt | undefined
  streamed = false

  constructor(parts: WalStreamParts, source: Source, state: StreamState, signal: AbortSignal) {
    this.#parts = parts
    this.#source = source
    this.#state = state
    this.#signal = signal
  }

  /** Returns why it ended. */
  async run(): Promise<string> {
    const { access, site, folder } = this.#parts
    const over = new AbortController()
    let settling: Promise<void> = Promise.resolve()
    try {
      await streamWal({
        source: this.#source,
        access,
        folder: folderOf(folder, this.#source),
        slot: walSlotOf(site),
        signal: this.#signal,
        onBegin: () => {
          settling = this.#settle(over.signal)
        },
      })
      return await this.#ended('the daemon stopped it', over, settling)
    } catch (error) {
      return await this.#ended(messageOf(error), over, settling)
    }
  }

  async #settle(over: AbortSignal): Promise<void> {
    const { clock, log, site } = this.#parts
    const { system, site: sourceSite } = this.#source
    await clock.sleep(settledMs, over).catch(() => undefined)
    if (over.aborted || this.#signal.aborted) return
    this.streamed = true
    Object.assign(this.#state, { up: clock.now(), down: undefined, why: undefined })
    const attempt = {
      slotId: null,
      system,
      tool: 'wal-stream' as const,
      dueAt: null,
      askedBy: `daemon of ${site}`,
      sourceSite,
      targetSite: site,
    }
    // Without PostgreSQL the stream is worth having all the same; it is only not in the log.
    this.#attempt = await log.begin(attempt, clock.now()).catch(() => undefined)
  }

  async #ended(why: string, over: AbortController, settling: Promise<void>): Promise<string> {
    const { clock, log } = this.#parts
    over.abort()
    await settling
    const at = clock.now()
    if (this.#state.up !== undefined || this.#state.down === undefined) this.#state.down = at
    Object.assign(this.#state, { up: undefined, why })
    const stopped = this.#signal.aborted
    if (this.#attempt === undefined) return why
    const message = stopped
      ? { ko: `정지함 (${instant(at)})`, en: 'it was stopped' }
      : { ko: `수신이 끊어짐: ${why}`, en: why }
    const outcome = stopped ? ('canceled' as const) : ('failed' as const)
    await log.end(this.#attempt.id, { outcome, at, message }).catch(() => undefined)
    return why
  }
}
