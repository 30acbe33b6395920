import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { openSync } from 'node:fs'
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { doneOf } from '../work.ts'
import { packageOf, restateServer, versionOf } from './packages.ts'
import type { Peer, PeerPlace } from './peer.ts'
import { durabilityOf, walSyncs } from './restate-says.ts'

/** What is used of `@restatedev/restate-sdk`, which is installed only for the bench. */
interface Restate {
  service(definition: {
    name: string
    handlers: Record<string, (context: Context, steps: number) => Promise<void>>
  }): object
  createEndpointHandler(options: {
    services: object[]
    logger: (meta: { level: string }, ...message: unknown[]) => void
  }): Parameters<typeof createServer>[1] & ((...args: never[]) => void)
}

interface Context {
  run(name: string, step: () => void): PromiseLike<void>
}

const node = 'bench'
const startMs = 60_000
/** Beside these everything is Restate's default. */
const environment = {
  RESTATE_DISABLE_TELEMETRY: 'true',
  RESTATE_ADMIN__DISABLE_WEB_UI: 'true',
  RESTATE_LOG_FILTER: 'error',
}

/** One node of Restate with its log on the disk of `folder`, reached by Unix sockets; the steps run in this process. */
export async function openRestate({ folder }: PeerPlace): Promise<Peer> {
  const steps = await serveSteps()
  const args = ['--no-logo', '--listen-mode', 'unix', '--base-dir', folder, '--node-name', node]
  const server = startServer(folder, args)
  const to = (socket: string) => clientOf(join(folder, node, `${socket}.sock`))
  const [admin, ingress] = [to('admin'), to('ingress')]
  await answers(server, () => admin('GET', '/health'))
  await answers(server, () => admin('POST', '/deployments', { uri: steps.uri }))
  return {
    facts: {
      versions: {
        '@restatedev/restate-server': versionOf('@restatedev/restate-server'),
        '@restatedev/restate-sdk': versionOf('@restatedev/restate-sdk'),
      },
      durability: durabilityOf(dumpConfig(args)),
      settings: 'its defaults, without telemetry and web page',
      graphs: 'runs of one handler, all begun at once and awaited one by one (RestatePromise.all is slower)',
      storePid: server.pid ?? null,
    },
    async run({ runs, steps: count, order }) {
      steps.moments.length = 0
      const began = performance.now()
      await Promise.all(Array.from({ length: runs }, () => ingress('POST', `/bench/${order}`, count)))
      return doneOf(began, steps.moments, performance.now())
    },
    syncs: async () => walSyncs(await to('fabric')('GET', '/metrics')),
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      if (server.exitCode === null && server.kill('SIGTERM')) await ended
    },
  }
}

async function serveSteps() {
  const restate = await packageOf<Restate>('@restatedev/restate-sdk')
  const moments: number[] = []
  const step = () => {
    moments.push(performance.now())
  }
  const bench = restate.service({
    name: 'bench',
    handlers: {
      async chain(context, steps) {
        for (let index = 0; index < steps; index++) await context.run('step', step)
      },
      async parallel(context, steps) {
        const begun = Array.from({ length: steps }, () => context.run('step', step))
        for (const each of begun) await each
      },
    },
  })
  const logger = ({ level }: { level: string }, ...message: unknown[]) => {
    if (level === 'error') console.error(...message)
  }
  const server = createServer(restate.createEndpointHandler({ services: [bench], logger }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return { moments, uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** It ends with this process, however that ends. In a session of its own, as PostgreSQL is. */
function startServer(folder: string, args: string[]): ChildProcess {
  const log = openSync(join(folder, 'server.log'), 'a')
  return spawn('setpriv', ['--pdeathsig=KILL', restateServer(), ...args], {
    cwd: folder,
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...process.env, ...environment },
  })
}

function dumpConfig(args: string[]): string {
  const { stdout } = spawnSync(restateServer(), [...args, '--dump-config'], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  })
  return stdout
}

type Client = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<string>

function clientOf(socketPath: string): Client {
  const dispatcher = new Agent({ connect: { socketPath }, headersTimeout: 0, bodyTimeout: 0 })
  return async (method, path, body) => {
    const { statusCode, body: answer } = await request(`http://localhost${path}`, {
      ...{ method, dispatcher, headers: { 'content-type': 'application/json' } },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (statusCode >= 300) throw new Error(`Restate answered ${statusCode} to ${path}: ${text}`)
    return text
  }
}

/** Waits until the server answers well. Throws what it said last. */
async function answers(server: ChildProcess, ask: () => Promise<string>): Promise<void> {
  const end = performance.now() + startMs
  for (;;) {
    try {
      await ask()
      return
    } catch (error) {
      if (server.exitCode !== null || performance.now() > end) throw error
      await sleep(50)
    }
  }
}
