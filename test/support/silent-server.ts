import { createSocket } from 'node:dgram'
import { createServer, type Socket } from 'node:net'
import { afterAll, beforeAll } from 'vitest'

/** A loopback port where TCP connections are taken and UDP packets swallowed, and nothing is ever answered. */
export interface SilentServer {
  port: number
  close(): Promise<void>
}

/** One for all tests of the file. */
export function silentServerForFile(): SilentServer {
  const it = {} as SilentServer
  beforeAll(async () => void Object.assign(it, await silentServer()))
  afterAll(() => it.close())
  return it
}

export async function silentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.resume()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  const datagrams = createSocket('udp4')
  await new Promise<void>((done) => datagrams.bind(address.port, '127.0.0.1', done))
  return {
    port: address.port,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((done) => datagrams.close(done))
      await new Promise((done) => server.close(done))
    },
  }
}
