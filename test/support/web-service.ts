import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority, issue } from '../../lab/pki.ts'

/** A web service in TLS on a free loopback port, with a certificate of an authority of its own. */
export interface WebService {
  port: number
  caFile: string
  /** A folder that goes with it. */
  folder: string
  close(): Promise<void>
}

export async function startWebService(name: string, answer: RequestListener): Promise<WebService> {
  const folder = await mkdtemp(join(tmpdir(), 'haetae-test-web-'))
  const authority = await createAuthority(folder, 'ca')
  const pair = await issue(authority, folder, 'web', { commonName: name, dns: [name], ips: ['127.0.0.1'] })
  const server = createServer({ cert: await readFile(pair.cert), key: await readFile(pair.key) }, answer)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as AddressInfo).port,
    caFile: authority.cert,
    folder,
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
