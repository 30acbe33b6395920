import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { generateKey } from '#platform/ssh.ts'
import { processesIn } from '#platform/supervise/process-table.ts'
import { serversFolder } from './owned-folder.ts'

const checkout = new URL('../../', import.meta.url).pathname

/** A folder with a catalogue and a configuration, in which a daemon of a site can be started as a process. */
export interface DaemonPlace extends AsyncDisposable {
  folder: string
  dataDir: string
  socket: string
  configFile: string
  /** Starts `haetae daemon` and waits until its API answers. */
  start(environment?: Record<string, string>): Promise<RunningDaemon>
  /** Runs `haetae daemon` to its end: for starts that fail. */
  startFailing(environment?: Record<string, string>): Promise<{ code: number | null; said: string }>
  get(path: string): Promise<{ status: number; body: unknown; text: string }>
}

export interface RunningDaemon {
  process: ChildProcess
  /** Lines of its log so far, parsed. */
  log(): Record<string, unknown>[]
  kill(): Promise<void>
  /** Ends it in order; resolves with its exit code. */
  stop(): Promise<number | null>
}

/** Makes the place. `config` is laid over the least configuration. */
export async function daemonPlace(config: Record<string, unknown> = {}): Promise<DaemonPlace> {
  const folder = mkdtempSync(join(serversFolder(), 'haetae-daemon-'))
  chmodSync(folder, 0o711)
  const dataDir = join(folder, 'data')
  const configFile = join(folder, 'config.yaml')
  await writeCatalogue(join(folder, 'catalogue'))
  const least = { installation: 'test', site: 'gwangju', dataDir, catalogueDir: join(folder, 'catalogue') }
  writeFileSync(configFile, stringify({ ...least, ...config }))
  const socket = join(dataDir, 'haetae.sock')
  const running: RunningDaemon[] = []
  const launch = (environment: Record<string, string> = {}) =>
    spawn(process.execPath, [join(checkout, 'bin/haetae.ts'), 'daemon', '--config', configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    })
  return {
    ...{ folder, dataDir, socket, configFile },
    async start(environment) {
      const daemon = watched(launch(environment))
      running.push(daemon)
      await untilUp(daemon, socket)
      return daemon
    },
    async startFailing(environment) {
      const child = launch(environment)
      let said = ''
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
      child.stdout.resume()
      await once(child, 'close')
      return { code: child.exitCode, said }
    },
    get: (path) => get(socket, path),
    async [Symbol.asyncDispose]() {
      for (const daemon of running) await daemon.stop()
      for (const name of ['postgres', 'redis']) endAll(join(dataDir, name))
      await sleep(100)
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function writeCatalogue(folder: string): Promise<void> {
  mkdirSync(folder)
  for (const file of ['estate.yaml', 'lab.yaml']) cpSync(join(checkout, 'estate', file), join(folder, file))
  for (const name of ['runbooks', 'policies'])
    cpSync(join(checkout, name), join(folder, name), { recursive: true })
  const publicKey = await generateKey(join(folder, 'operator-1'), 'operator-1')
  const key = { publicKey, validFrom: '2020-01-01', validUntil: '2099-01-01' }
  writeFileSync(
    join(folder, 'roster.yaml'),
    stringify({ principals: [{ id: 'operator-1', roles: ['operator'], keys: [key] }] }),
  )
}

function watched(child: ChildProcess): RunningDaemon {
  let text = ''
  const keep = (chunk: Buffer): void => void (text += chunk.toString())
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const gone = new Promise<void>((done) => child.once('close', () => done()))
  return {
    process: child,
    log: () =>
      text
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await gone
      return child.exitCode
    },
  }
}

async function untilUp(daemon: RunningDaemon, socket: string): Promise<void> {
  const deadline = Date.now() + 150_000
  while (Date.now() < deadline) {
    if (daemon.process.exitCode !== null || daemon.process.signalCode !== null) break
    if (existsSync(socket) && daemon.log().some(({ msg }) => msg === 'the daemon is up')) return
    await sleep(50)
  }
  throw new Error(`the daemon did not come up:\n${JSON.stringify(daemon.log().slice(-5), null, 1)}`)
}

function get(socketPath: string, path: string): Promise<{ status: number; body: unknown; text: string }> {
  return new Promise((done, fail) => {
    const asked = request({ socketPath, path, timeout: 5_000 }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => done({ status: response.statusCode ?? 0, body: jsonOf(text), text }))
    })
    asked.on('error', fail)
    asked.end()
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What a killed daemon left running, found by its folder. */
export function pidsIn(folder: string): number[] {
  return existsSync(folder) ? processesIn(folder).map(({ pid }) => pid) : []
}

function endAll(folder: string): void {
  for (const pid of pidsIn(folder)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended with its parent.
    }
  }
}

/** The pid in a supervised program's pid file. */
export function postmasterPid(dataDir: string): number {
  return Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
}
