import { readFile, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HaetaeError } from '#model/errors.ts'
import { attempt, lastLines, run } from './command.ts'
import { CHECKOUT, placeFolder, type Instance, type SiteId } from './instance.ts'
import { startPart } from './part.ts'
import { inPlace } from './place.ts'
import { daemonPaths } from './systems/daemon-files.ts'

export interface DaemonStart {
  /** Its configuration file. */
  config: string
  env?: Record<string, string>
  /** Prefix of the command, inside the site: `faketime` for example. */
  prefix?: readonly string[]
}

const pidFile = (instance: Instance, site: SiteId): string =>
  join(placeFolder(instance, site), 'pids', 'daemon')

/** Starts Haetae's daemon in a site; does not wait until it serves. It lives on when this process ends. */
export async function startDaemon(instance: Instance, site: SiteId, start: DaemonStart): Promise<void> {
  await rm(pidFile(instance, site), { force: true })
  // A small young generation: a daemon that mostly waits keeps 100 MB less.
  const node = [process.execPath, '--max-semi-space-size=1']
  const haetae = [...node, join(CHECKOUT, 'bin', 'haetae.js'), 'daemon', '--config', start.config]
  // The shell tells its PID, as the site's processes see it, and becomes the daemon: signals reach it directly.
  const tell = ['sh', '-ec', 'echo $$ >"$0"; cd "$1"; shift; exec "$@"', pidFile(instance, site), CHECKOUT]
  const started = await startPart(
    {
      name: 'daemon',
      argv: [...(await inPlace(instance, site)), ...tell, ...(start.prefix ?? []), ...haetae],
      ...(start.env === undefined ? {} : { env: start.env }),
    },
    join(placeFolder(instance, site), 'log'),
    true,
  )
  let end: string | undefined
  void started.ended.then((how) => (end = how))
  await writeFile(join(placeFolder(instance, site), 'daemon-start.json'), JSON.stringify(start))
  for (let waited = 0; (await daemonPid(instance, site)) === undefined; waited += 10) {
    if (end !== undefined || waited > 5000) {
      throw new HaetaeError('lab-part-failed', `the daemon of ${site} ${end ?? 'did not start'}`, {
        where: started.logFile,
        why: lastLines(await readFile(started.logFile, 'utf8').catch(() => ''), 6),
      })
    }
    await sleep(10)
  }
}

/**
 * Waits until a site's daemon takes requests at its socket.
 *
 * @throws HaetaeError `lab-part-failed` when it has ended, or takes longer than `withinMs`.
 */
export async function daemonServes(instance: Instance, site: SiteId, withinMs = 60_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await isReady(daemonPaths(instance, site).socket))) {
    const ended = (await daemonPid(instance, site)) === undefined
    if (ended || Date.now() > deadline) {
      const logFile = join(placeFolder(instance, site), 'log', 'daemon.log')
      throw new HaetaeError(
        'lab-part-failed',
        `the daemon of ${site} ${ended ? 'ended' : 'takes no requests'}`,
        {
          where: logFile,
          why: lastLines(await readFile(logFile, 'utf8').catch(() => ''), 6),
        },
      )
    }
    await sleep(100)
  }
}

function isReady(socketPath: string): Promise<boolean> {
  return new Promise((done) => {
    const asked = get({ socketPath, path: '/readyz', timeout: 2_000 }, (reply) => {
      reply.resume()
      done(reply.statusCode === 200)
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => done(false))
  })
}

/** Starts the daemon as it was started the last time. */
export async function restartDaemon(instance: Instance, site: SiteId): Promise<void> {
  const file = join(placeFolder(instance, site), 'daemon-start.json')
  await startDaemon(instance, site, JSON.parse(await readFile(file, 'utf8')) as DaemonStart)
}

/** PID of a site's daemon as the site's processes see it; undefined when it does not run. */
export async function daemonPid(instance: Instance, site: SiteId): Promise<number | undefined> {
  const text = (await readFile(pidFile(instance, site), 'utf8').catch(() => '')).trim()
  if (!/^\d+$/.test(text)) return undefined
  const alive = await attempt([...(await inPlace(instance, site)), 'kill', '-0', text])
  return alive.code === 0 ? Number(text) : undefined
}

/** Sends the signal to the daemon process itself: its PostgreSQL and Redis do not get it. */
export async function killDaemon(instance: Instance, site: SiteId, signal: NodeJS.Signals): Promise<void> {
  const pid = await daemonPid(instance, site)
  if (pid === undefined) throw new HaetaeError('lab-not-up', `the daemon of ${site}`)
  await run([...(await inPlace(instance, site)), 'kill', `-${signal.replace('SIG', '')}`, String(pid)])
}

/** Asks the daemon to stop and waits until it has; SIGKILL after the given time. */
export async function stopDaemon(instance: Instance, site: SiteId, withinMs = 20_000): Promise<void> {
  await killDaemon(instance, site, 'SIGTERM')
  const deadline = Date.now() + withinMs
  while ((await daemonPid(instance, site)) !== undefined) {
    if (Date.now() > deadline) return killDaemon(instance, site, 'SIGKILL')
    await sleep(50)
  }
}
