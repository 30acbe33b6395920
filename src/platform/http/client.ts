import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { Agent, request } from 'undici'
import { NoAnswer, orAborted, within } from '../no-answer.ts'
import type { HttpAnswer, HttpReader, HttpTarget, HttpWriter } from './types.ts'

export interface HttpOptions {
  /** PEM of the certificate authority; the system's own when absent. */
  caFile?: string
  /** Longest wait for one answer, milliseconds; 10 s when absent. */
  timeoutMs?: number
}

export interface HttpClient {
  readonly reader: HttpReader
  readonly writer: HttpWriter
}

const maxBody = 64 * 1024

/**
 * Asks a fixed address under the name that citizens use, so what is checked is what they will meet after the switch,
 * before they are sent there. A connection is made for each request: an old one could lead to what stood there before.
 */
export function httpClient(options: HttpOptions = {}): HttpClient {
  return {
    reader: { get: (target, path, signal) => send(options, target, 'GET', path, undefined, signal) },
    writer: {
      send: (target, method, path, body, signal) => send(options, target, method, path, body, signal),
    },
  }
}

async function send(
  options: HttpOptions,
  target: HttpTarget,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const bounded = within(options.timeoutMs ?? 10_000, signal)
  const agent = new Agent({
    connect: {
      servername: target.serverName,
      ...(options.caFile === undefined ? {} : { ca: readFileSync(options.caFile, 'utf8') }),
    },
    pipelining: 0,
  })
  const host = isIP(target.address) === 6 ? `[${target.address}]` : target.address
  try {
    const asked = request(`https://${host}:${target.port}${path}`, {
      method,
      headers: {
        host: target.port === 443 ? target.serverName : `${target.serverName}:${target.port}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: bounded,
      dispatcher: agent,
    })
    const answer = await orAborted(bounded, asked)
    return { status: answer.statusCode, body: parsed(await textOf(answer.body)) }
  } catch (error) {
    throw new NoAnswer(
      `https://${target.serverName} at ${host}:${target.port}`,
      bounded.aborted ? bounded.reason : error,
    )
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
