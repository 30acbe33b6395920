import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { terminalRunStates, type RunState } from '#model/states.ts'
import type { RunService } from './services.ts'

/** A comment this often keeps proxies and the reader sure that the line is alive. */
const heartbeatMs = 10_000
const batch = 500

/**
 * Writes a run's journal as server-sent events, from after a sequence number, until the run has ended and all is
 * sent (a last event `end` carries its state), the reader went, or the signal aborted. Each event's id is its seq:
 * whoever reconnects with `from` = last id + 1 misses nothing and sees nothing twice.
 */
export async function streamRun(
  runs: RunService,
  run: string,
  after: number,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  let seen = after
  while (!signal.aborted) {
    const { items, state } = await runs.journal(run, seen, batch)
    for (const item of items) {
      await write(response, `id: ${item.seq}\nevent: entry\ndata: ${JSON.stringify(item)}\n\n`, signal)
      seen = item.seq
    }
    if (items.length === batch) continue
    if (terminalRunStates.has(state as RunState)) {
      await write(response, `event: end\ndata: ${JSON.stringify({ state })}\n\n`, signal)
      return
    }
    const pause = AbortSignal.timeout(heartbeatMs)
    await runs.changed(run, seen, AbortSignal.any([signal, pause])).catch((error: unknown) => {
      if (!signal.aborted && !pause.aborted) throw error
    })
    if (pause.aborted) await write(response, ': alive\n\n', signal)
  }
}

/** Waits for a slow reader, so that a stream cannot fill the memory. */
async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted || response.writableEnded) return
  if (!response.write(text)) await once(response, 'drain', { signal }).catch(() => undefined)
}
