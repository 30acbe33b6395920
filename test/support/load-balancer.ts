import { createServer, type Server } from 'node:http'
import { copyFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { LoadBalancerOptions } from '#platform/haproxy/client.ts'
import { ownedFolder } from './owned-folder.ts'
import { freePort, startServer, untilAnswers, type ServerProcess } from './processes.ts'

/** A HAProxy with one backend `web` of three servers that say their names: `blue` serves, `green` and `red` do not. */
export interface TestLoadBalancer {
  /** What Haetae is given: a socket on which HAProxy's own commands only show. */
  options: LoadBalancerOptions
  /** Who answers a client now; undefined when nobody does. */
  answering(): Promise<string | undefined>
  /** A command of HAProxy's administrator. */
  admin(command: string): Promise<string>
  /** A command on the socket that Haetae is given. */
  asHaetae(command: string): Promise<string>
  /** Ends it at once, and starts it again. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const names = ['blue', 'green', 'red'] as const

export async function startLoadBalancer({ prepared = true } = {}): Promise<TestLoadBalancer> {
  const folder = await ownedFolder('haetae-test-haproxy-')
  const [port, ...servers] = await Promise.all([freePort(), ...names.map(webServer)])
  const ports = servers.map(({ port: one }) => one)
  const script = join(folder, 'haetae.lua')
  await copyFile(join(import.meta.dirname, '../../manifests/haproxy/haetae.lua'), script)
  await writeFile(join(folder, 'haproxy.cfg'), configuration(folder, port, ports, prepared))
  let running: ServerProcess | undefined
  const admin = (command: string) => ask(join(folder, 'admin.sock'), command)
  const start = async () => {
    running = startServer('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { deathSignal: 'KILL' })
    await untilAnswers(running, 'HAProxy', () => admin('show info'))
  }
  const stop = async () => {
    await running?.stop('SIGKILL')
    for (const { server } of servers) server.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    options: { socket: join(folder, 'haetae.sock') },
    admin,
    asHaetae: (command) => ask(join(folder, 'haetae.sock'), command),
    stop,
    answering: () =>
      fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })
        .then((response) => response.text())
        .catch(() => undefined),
    async restart() {
      await running?.stop('SIGKILL')
      await start()
    },
  }
}

function configuration(folder: string, port: number, ports: readonly number[], prepared: boolean): string {
  const servers = ports.map(
    (one, index) => `  server ${names[index]} 127.0.0.1:${one}${index === 0 ? '' : ' disabled'}`,
  )
  return `
global
  setenv HAETAE_SWITCHES ${folder}/switches
  ${prepared ? `lua-load ${folder}/haetae.lua` : ''}
  stats socket ${folder}/haetae.sock level user
  stats socket ${folder}/admin.sock level admin
defaults
  mode tcp
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend entry
  bind 127.0.0.1:${port}
  default_backend web
backend web
${servers.join('\n')}
`
}

async function webServer(name: string): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) => response.end(name))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { server, port: (server.address() as { port: number }).port }
}

function ask(socket: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const client = connect(socket, () => client.write(`${command}\n`))
    client.on('data', (chunk: Buffer) => (said += chunk.toString()))
    client.on('error', reject)
    client.on('end', () => resolve(said))
  })
}
