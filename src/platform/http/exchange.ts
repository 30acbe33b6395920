import { Agent, request, type buildConnector } from 'undici'
import { NoAnswer, orAborted, within } from '../no-answer.ts'
import type { HttpAnswer } from './types.ts'

export interface Exchange {
  url: string
  method: string
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: unknown
  connect: buildConnector.BuildOptions
  /** Longest wait for the answer, milliseconds; 10 s when absent. */
  timeoutMs: number | undefined
  /** Who is asked, for people. */
  target: string
}

const maxBody = 64 * 1024

/**
 * One request on a connection of its own: an old one could lead to what stood there before. Redirects are not
 * followed. Throws NoAnswer.
 */
export async function exchange(what: Exchange, signal: AbortSignal): Promise<HttpAnswer> {
  const bounded = within(what.timeoutMs ?? 10_000, signal)
  const agent = new Agent({ connect: what.connect, pipelining: 0 })
  try {
    const asked = request(what.url, {
      method: what.method,
      headers: {
        accept: 'application/json',
        ...what.headers,
        ...(what.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: what.body === undefined ? null : JSON.stringify(what.body),
      signal: bounded,
      dispatcher: agent,
    })
    const answer = await orAborted(bounded, asked)
    return { status: answer.statusCode, body: parsed(await textOf(answer.body)) }
  } catch (error) {
    throw new NoAnswer(what.target, bounded.aborted ? bounded.reason : error)
  } finally {
    await agent.destroy()
  }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBody) throw new Error(`the answer is larger than ${maxBody} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
