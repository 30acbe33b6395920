import { readFile } from 'node:fs/promises'
import { HaetaeError } from '#model/errors.ts'
import { exchange } from './exchange.ts'
import type { HttpAnswer, ServiceReader, ServiceRequest, ServiceWriter } from './types.ts'

/** A web service that steps may call, as the daemon's configuration has it. */
export interface Service {
  /** Scheme, name and port. */
  url: string
  /** PEM of the certificate authority; the system's own when absent. */
  caFile?: string | undefined
  /** File of what `header` says to it, such as `Bearer …`. */
  secretFile?: string | undefined
  header?: string
}

/**
 * Calls the services of the configuration and no others, so that a secret goes nowhere but to the service that it is
 * for. Files are read anew for each request: secrets and certificates are renewed.
 */
export function serviceClient(
  services: readonly Service[],
  options: { timeoutMs?: number } = {},
): { readonly reader: ServiceReader; readonly writer: ServiceWriter } {
  const byOrigin = new Map(services.map((service) => [new URL(service.url).origin, service]))
  const ask = async (request: ServiceRequest, signal: AbortSignal): Promise<HttpAnswer> => {
    const { origin } = new URL(request.url)
    const service = byOrigin.get(origin)
    if (service === undefined) throw unknown(origin, [...byOrigin.keys()])
    const { caFile, secretFile, header = 'authorization' } = service
    const secret = secretFile === undefined ? undefined : (await readFile(secretFile, 'utf8')).trim()
    const answer = await exchange(
      {
        ...request,
        headers: { ...request.headers, ...(secret === undefined ? {} : { [header]: secret }) },
        connect: caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') },
        timeoutMs: options.timeoutMs,
        target: origin,
      },
      signal,
    )
    return secret === undefined ? answer : { ...answer, body: without(secret, answer.body) }
  }
  return {
    reader: { get: (url, signal) => ask({ url, method: 'GET' }, signal) },
    writer: { send: ask },
  }
}

function unknown(origin: string, known: readonly string[]): HaetaeError {
  const names = known.length === 0 ? 'none' : known.join(', ')
  return new HaetaeError('service-unknown', origin, {
    why: {
      en: `services of this daemon's configuration: ${names}`,
      ko: `이 데몬 설정의 services: ${known.length === 0 ? '없음' : names}`,
    },
    facts: { origin, known },
  })
}

/** An answer may stand in a journal, and some services repeat what they were sent. */
function without(secret: string, body: unknown): unknown {
  const words = [secret, secret.split(/\s+/).at(-1) ?? ''].filter((word) => word !== '')
  const clean = (text: string) => words.reduce((left, word) => left.replaceAll(word, '***'), text)
  if (typeof body === 'string') return clean(body)
  return JSON.parse(JSON.stringify(body), (_name, value: unknown) =>
    typeof value === 'string' ? clean(value) : value,
  ) as unknown
}
