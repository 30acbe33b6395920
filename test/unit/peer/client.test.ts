import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { peerClient, PeerRefused, type PeerClient } from '#peer/client.ts'
import { peerVantage } from '#peer/vantage.ts'
import { NoAnswer } from '#platform/no-answer.ts'
import { createAuthority, issue, type KeyPair } from '../../../lab/pki.ts'

let folder: string
let authority: KeyPair
let stranger: KeyPair
let gwangju: KeyPair
const closers: (() => void)[] = []
const never = new AbortController().signal

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'haetae-peer-'))
  authority = await createAuthority(folder, 'ours')
  stranger = await createAuthority(folder, 'strange')
  gwangju = await issue(authority, folder, 'gwangju', { commonName: 'haetae-gwangju', ips: ['127.0.0.1'] })
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

const reply = {
  site: 'daejeon',
  version: '0',
  now: '2026-11-24T06:00:00.000Z',
  startedAt: '2026-11-24T06:00:00.000Z',
  ready: true,
  systems: [],
}

async function daemonOfDaejeon(by: KeyPair, answer: unknown = reply): Promise<number> {
  const pair = await issue(by, folder, `daejeon-${Math.random()}`, {
    commonName: 'haetae-daejeon',
    ips: ['127.0.0.1'],
  })
  const server = createHttpsServer(
    {
      cert: readFileSync(pair.cert),
      key: readFileSync(pair.key),
      ca: readFileSync(authority.cert),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      const socket = request.socket as TLSSocket
      const cn = socket.authorized ? socket.getPeerCertificate().subject.CN : undefined
      response.writeHead(cn === 'haetae-gwangju' ? 200 : 401).end(JSON.stringify(answer))
    },
  )
  return listening(server, () => {
    server.closeAllConnections()
    server.close()
  })
}

async function listening(server: Server, close: () => void): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  closers.push(close)
  return (server.address() as AddressInfo).port
}

function clientOf(port: number): PeerClient {
  const client = peerClient(
    {
      site: 'daejeon',
      url: `https://127.0.0.1:${port}`,
      caFile: authority.cert,
      certFile: gwangju.cert,
      keyFile: gwangju.key,
    },
    400,
  )
  closers.push(() => void client.close())
  return client
}

describe('the peer, asked', () => {
  test('answers whoever shows the certificate of a site', async () => {
    const client = clientOf(await daemonOfDaejeon(authority))
    expect(await client.status(never)).toMatchObject({ site: 'daejeon', ready: true })
    expect(await peerVantage(client, 1, 'sha256:own').look(never)).toMatchObject({
      saw: 'answer',
      fault: false,
    })
  })

  test('a peer on another catalogue lives, with a fault; one that does not tell is not judged', async () => {
    const other = clientOf(await daemonOfDaejeon(authority, { ...reply, catalogue: 'sha256:other' }))
    expect(await peerVantage(other, 1, 'sha256:own').look(never)).toMatchObject({
      saw: 'answer',
      fault: true,
    })
    expect(await peerVantage(other, 1, 'sha256:other').look(never)).toMatchObject({ fault: false })
  })

  test('a host that refuses the connection lives', async () => {
    const client = clientOf(1)
    await expect(client.status(never)).rejects.toBeInstanceOf(PeerRefused)
    expect(await peerVantage(client, 1, 'sha256:own').look(never)).toMatchObject({
      saw: 'answer',
      fault: true,
    })
  })

  test('one that says nothing is silent, within the deadline, however many ask', async () => {
    const open = new Set<{ destroy(): void }>()
    const server = createServer((socket) => open.add(socket))
    const client = clientOf(
      await listening(server, () => {
        for (const socket of open) socket.destroy()
        server.close()
      }),
    )
    const began = performance.now()
    const looks = await Promise.all(
      Array.from({ length: 20 }, () => peerVantage(client, 1, 'sha256:own').look(never)),
    )
    expect(looks.every((look) => look.saw === 'silence')).toBe(true)
    // One deadline and some slack; in line behind each other it would be twenty.
    expect(performance.now() - began).toBeLessThan(10_000)
    await expect(client.authority(never)).rejects.toBeInstanceOf(NoAnswer)
  })

  test('a certificate of somebody else is no silence: something there lives', async () => {
    const client = clientOf(await daemonOfDaejeon(stranger))
    await expect(client.status(never)).rejects.toThrow(
      /something answers for the daemon of daejeon, but not it/,
    )
    expect(await peerVantage(client, 1, 'sha256:own').look(never)).toMatchObject({
      saw: 'answer',
      fault: true,
    })
  })

  test('an answer that is none is a fault, not silence', async () => {
    const client = clientOf(await daemonOfDaejeon(authority, { hello: 1 }))
    expect(await peerVantage(client, 1, 'sha256:own').look(never)).toMatchObject({
      saw: 'answer',
      fault: true,
    })
  })

  test('the daemon of another site is no daemon of this one: what it says is not taken', async () => {
    const port = await daemonOfDaejeon(authority, { ...reply, site: 'gwangju', authorities: [] })
    const client = clientOf(port)
    await expect(client.authority(never)).rejects.toThrow(/says that it is gwangju's/)
    expect(await peerVantage(client, 1, 'sha256:own').look(never)).toMatchObject({
      saw: 'answer',
      fault: true,
    })
  })

  test('a certificate that cannot be read is named', () => {
    const address = {
      site: 'x',
      url: 'https://127.0.0.1:1',
      caFile: '/nowhere/ca',
      certFile: '',
      keyFile: '',
    }
    expect(() => peerClient(address)).toThrow(
      expect.objectContaining({ code: 'config-unreadable', where: '/nowhere/ca' }) as Error,
    )
  })
})
