import type { IncomingMessage } from 'node:http'
import type { ReplyOf } from '#api/contract.ts'
import type { Client } from './client.ts'
import { AnswerLost } from './transport.ts'

type Entry = ReplyOf<'runEvents'>
/** Three of the heartbeats that the daemon sends (api/stream.ts). */
const silentMs = 30_000

export type RunUpdate = { kind: 'entry'; entry: Entry } | { kind: 'end'; state: string }

/**
 * The journal of a run as it grows, from a sequence number on. Ends after `end`, or when the stream breaks (the
 * caller goes on from the last seq + 1). Throws what `Client.open` throws, `run-unknown` among it.
 */
export async function* runUpdates(
  client: Client,
  run: string,
  from: number,
  signal?: AbortSignal,
): AsyncGenerator<RunUpdate> {
  const response = await client.open(
    'runEvents',
    { params: { run }, query: { from } },
    signal === undefined ? {} : { signal },
  )
  try {
    for await (const { event, data } of messages(response)) {
      if (event === 'entry') yield { kind: 'entry', entry: JSON.parse(data) as Entry }
      if (event === 'end') {
        yield { kind: 'end', state: (JSON.parse(data) as { state: string }).state }
        return
      }
    }
  } finally {
    response.destroy()
  }
}

/** Server-sent events of an answer's body; a comment is nothing, and a broken stream just ends. */
async function* messages(response: IncomingMessage): AsyncGenerator<{ event: string; data: string }> {
  response.setEncoding('utf8')
  // A daemon that hangs keeps its connections: without heartbeats the line is taken for dead.
  response.setTimeout(silentMs, () => response.destroy(new Error(`silent for ${silentMs / 1000} s`)))
  let rest = ''
  const chunks = response[Symbol.asyncIterator]()
  for (;;) {
    const next = await chunks.next().catch((error: unknown) => {
      throw new AnswerLost(error)
    })
    if (next.done === true) return
    rest += String(next.value)
    const parts = rest.split('\n\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const field = (name: string) =>
        part
          .split('\n')
          .filter((line) => line.startsWith(`${name}: `))
          .map((line) => line.slice(name.length + 2))
          .join('\n')
      if (field('data') !== '') yield { event: field('event'), data: field('data') }
    }
  }
}
