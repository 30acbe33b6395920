import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer, Peer, PeerName, Request } from './peer.ts'

const startMs = 90_000
const stopMs = 20_000

/**
 * Starts a peer in a process and a network namespace of its own, which has nothing but a loopback: some look for new
 * versions of themselves. Stopped by `stack`, with all that it started.
 */
export async function startPeer(
  name: PeerName,
  place: { home: string; postgres: string; stack: AsyncDisposableStack },
): Promise<Peer> {
  const folder = join(place.home, name.toLowerCase().replaceAll(' ', '-'))
  mkdirSync(folder)
  const child = spawnHost([name, folder, place.postgres])
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`${name} has ended (${signal ?? code})`)))
  })
  ended.catch(() => {})
  const stop = () => stopHost(child)
  place.stack.defer(stop)
  const next = () => Promise.race([answerOf(child, name), ended])
  const ask = (asked: Request) => {
    const answered = next()
    child.send(asked)
    return answered
  }
  const ready = await Promise.race([next(), late(name)])
  if (ready.kind !== 'ready') throw new Error(`${name} answered ${ready.kind} at its start`)
  return {
    facts: ready.facts,
    async run(work) {
      const answer = await ask({ kind: 'run', work })
      if (answer.kind !== 'done') throw new Error(`${name} answered ${answer.kind} to a run`)
      return answer.done
    },
    async syncs() {
      const answer = await ask({ kind: 'syncs' })
      if (answer.kind !== 'syncs') throw new Error(`${name} answered ${answer.kind} to a count`)
      return answer.syncs
    },
    stop,
  }
}

/** In the session of the bench, so that a busy machine gives it no other share than Haetae's side. */
function spawnHost(args: string[]): ChildProcess {
  const own = process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net']
  const begin = 'ip link set lo up && exec "$@"'
  const host = [process.execPath, join(import.meta.dirname, 'host.ts'), ...args]
  return spawn('unshare', [...own, 'sh', '-c', begin, 'sh', ...host], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

function answerOf(child: ChildProcess, name: PeerName): Promise<Answer> {
  return new Promise((resolve, reject) => {
    child.once('message', (answer: Answer) => {
      if (answer.kind === 'failed') reject(new Error(`${name}: ${answer.why}`))
      else resolve(answer)
    })
  })
}

function late(name: PeerName): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${name} did not start in ${startMs / 1_000} s`)), startMs).unref()
  })
}

async function stopHost(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  if (child.connected) child.disconnect()
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs)
  await gone
  clearTimeout(timer)
}
