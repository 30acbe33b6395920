import { existsSync, readFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { dirname } from 'node:path'
import { HaetaeError, messageOf } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import type { SiteAddress } from './context.ts'

/*
 * node:http and not undici: importing undici costs 65 ms of a start-up that may take 250.
 */

export interface WireRequest {
  method: string
  /** Path with query. */
  path: string
  headers: Record<string, string>
  body?: string
  signal?: AbortSignal
  /** How long to wait for the head of the answer. */
  timeoutMs: number
}

/** Thrown when the connection broke after the request may have been read: what it did is not known. */
export class AnswerLost extends Error {
  constructor(cause: unknown) {
    super(`the answer was lost: ${messageOf(cause)}`, { cause })
    this.name = 'AnswerLost'
  }
}

/** Where requests to a site go, for messages. */
export function placeOf(address: SiteAddress): string {
  return usesSocket(address) ? String(address.socket) : (address.url ?? String(address.socket))
}

/** On the daemon's own machine the folder of its socket is there, also while the daemon is not. */
function usesSocket(address: SiteAddress): boolean {
  return address.socket !== undefined && (address.url === undefined || existsSync(dirname(address.socket)))
}

/**
 * Sends a request and resolves with the head of the answer. Throws `daemon-unreachable` when nobody accepted it,
 * AnswerLost when the connection broke later.
 */
export async function send(site: string, address: SiteAddress, wire: WireRequest): Promise<IncomingMessage> {
  const options: RequestOptions = {
    method: wire.method,
    path: wire.path,
    headers: wire.headers,
    ...(wire.signal === undefined ? {} : { signal: wire.signal }),
  }
  if (usesSocket(address)) {
    return exchange(httpRequest({ ...options, socketPath: address.socket }), site, address, wire)
  }
  const { request } = await import('node:https')
  const url = new URL(String(address.url))
  const ca = address.caFile === undefined ? {} : { ca: readCa(site, address.caFile) }
  // The name in the Host header is what node checks the certificate against.
  const headers = { ...wire.headers, host: url.host }
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  return exchange(
    request({ ...options, ...ca, headers, hostname, port: url.port || 443 }),
    site,
    address,
    wire,
  )
}

function readCa(site: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new HaetaeError('context-invalid', `caFile of ${site}`, {
      where: file,
      why: messageOf(cause),
      cause,
    })
  }
}

function exchange(
  outgoing: ReturnType<typeof httpRequest>,
  site: string,
  address: SiteAddress,
  wire: WireRequest,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let connected = false
    outgoing.on('socket', (socket) => {
      // A kept connection serves many requests: listeners on it would pile up.
      if (!socket.connecting) {
        connected = true
        return
      }
      socket.once('secureConnect', () => (connected = true))
      socket.once('connect', () => (connected = usesSocket(address)))
    })
    outgoing.setTimeout(wire.timeoutMs, () =>
      outgoing.destroy(new Error(`no answer within ${wire.timeoutMs / 1000} s`)),
    )
    outgoing.on('response', (response) => {
      outgoing.setTimeout(0)
      resolve(response)
    })
    outgoing.on('error', (error) => {
      if (wire.signal?.aborted === true) reject(error)
      else if (connected) reject(new AnswerLost(error))
      else reject(unreachable(site, address, error))
    })
    outgoing.end(wire.body)
  })
}

/** Why nobody could be reached, as the system says it and as people do. */
function unreachable(site: string, address: SiteAddress, error: NodeJS.ErrnoException): HaetaeError {
  const noRoute = { en: 'no route leads there', ko: '그곳으로 가는 경로가 없습니다' }
  const known: Record<string, Localized> = {
    ENOENT: {
      en: 'there is no such socket: the daemon was not started here, or its data folder is another one',
      ko: '소켓이 없습니다. 데몬이 여기서 시작되지 않았거나 데이터 폴더가 다릅니다',
    },
    ECONNREFUSED: {
      en: 'nobody listens there: the daemon has ended',
      ko: '듣고 있는 데몬이 없습니다. 데몬이 끝났습니다',
    },
    EACCES: {
      en: 'this user may not open the socket; try as root',
      ko: '이 사용자는 소켓을 열 수 없습니다. root로 시도하십시오',
    },
    ENOTFOUND: { en: 'the name of the host is not known', ko: '호스트 이름을 알 수 없습니다' },
    EHOSTUNREACH: noRoute,
    ENETUNREACH: noRoute,
  }
  return new HaetaeError('daemon-unreachable', `site ${site}`, {
    where: placeOf(address),
    why: known[error.code ?? ''] ?? messageOf(error),
    cause: error,
  })
}

/** The whole body of an answer as text. Throws AnswerLost when it breaks off. */
export async function bodyOf(response: IncomingMessage): Promise<string> {
  try {
    response.setEncoding('utf8')
    let text = ''
    for await (const chunk of response) text += String(chunk)
    return text
  } catch (error) {
    throw new AnswerLost(error)
  }
}
