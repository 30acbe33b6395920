import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import type { KeyPair } from './pki.ts'

/** Whom a probe trusts and who it is. */
export interface ProbeIdentity {
  authority: KeyPair
  client?: KeyPair
}

/**
 * GETs an HTTPS address and returns the body.
 *
 * @throws Error with the status and the start of the body when it is not 2xx, or with the connection's error.
 */
export async function httpsGet(url: string, identity: ProbeIdentity, timeoutMs = 2000): Promise<string> {
  const [ca, cert, key] = await Promise.all([
    readFile(identity.authority.cert),
    identity.client === undefined ? undefined : readFile(identity.client.cert),
    identity.client === undefined ? undefined : readFile(identity.client.key),
  ])
  return new Promise((done, fail) => {
    // agent: false, or an idle connection would hold the port of a part that is being stopped
    const options = { ca, ...(cert && key ? { cert, key } : {}), timeout: timeoutMs, agent: false as const }
    const asked = request(url, options, (reply) => {
      const chunks: Buffer[] = []
      reply.on('data', (chunk: Buffer) => chunks.push(chunk))
      reply.on('error', fail)
      reply.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        const status = reply.statusCode ?? 0
        if (status >= 200 && status < 300) done(body)
        else fail(new Error(`${url} answered ${status}: ${body.slice(0, 200)}`))
      })
    })
    asked.on('timeout', () => asked.destroy(new Error(`${url} did not answer in ${timeoutMs} ms`)))
    asked.on('error', fail)
    asked.end()
  })
}

/** GETs a plain HTTP address; throws unless it answers 2xx within two seconds. */
export async function httpGet(url: string): Promise<void> {
  const reply = await fetch(url, { signal: AbortSignal.timeout(2000), headers: { connection: 'close' } })
  await reply.body?.cancel()
  if (!reply.ok) throw new Error(`${url} answered ${reply.status}`)
}
