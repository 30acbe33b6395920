import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { exchange } from './exchange.ts'
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

/**
 * Asks a fixed address under the name that citizens use, so what is checked is what they will meet after the switch,
 * before they are sent there.
 */
export function httpClient(options: HttpOptions = {}): HttpClient {
  return {
    reader: { get: (target, path, signal) => send(options, target, 'GET', path, undefined, signal) },
    writer: {
      send: (target, method, path, body, signal) => send(options, target, method, path, body, signal),
    },
  }
}

function send(
  options: HttpOptions,
  target: HttpTarget,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const host = isIP(target.address) === 6 ? `[${target.address}]` : target.address
  return exchange(
    {
      url: `https://${host}:${target.port}${path}`,
      method,
      headers: { host: target.port === 443 ? target.serverName : `${target.serverName}:${target.port}` },
      body,
      connect: {
        servername: target.serverName,
        ...(options.caFile === undefined ? {} : { ca: readFileSync(options.caFile, 'utf8') }),
      },
      timeoutMs: options.timeoutMs,
      target: `https://${target.serverName} at ${host}:${target.port}`,
    },
    signal,
  )
}
