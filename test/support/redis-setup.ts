import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { TestProject } from 'vitest/node'
import { ownedFolder } from './owned-folder.ts'
import { freePort, startServer, untilAnswers } from './processes.ts'

/** vitest globalSetup: one Redis a run, in memory only. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await ownedFolder('haetae-test-redis-')
  const socket = join(folder, 'redis.sock')
  const port = await freePort()
  const server = startServer(
    'redis-server',
    [
      ...['--unixsocket', socket, '--port', String(port), '--bind', '127.0.0.1'],
      ...['--databases', '10000', '--save', '', '--appendonly', 'no', '--dir', folder],
    ],
    { deathSignal: 'KILL' },
  )
  const stop = async () => {
    await server.stop('SIGTERM')
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await untilAnswers(server, 'the Redis of the tests', async () => {
      const client = new Redis({ path: socket, lazyConnect: true, retryStrategy: () => null })
      client.on('error', () => {})
      try {
        await client.connect()
        await client.ping()
      } finally {
        client.disconnect()
      }
    })
  } catch (error) {
    await stop()
    throw error
  }
  project.provide('redis', { socket, host: '127.0.0.1', port })
  return stop
}
