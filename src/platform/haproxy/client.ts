import { connect } from 'node:net'
import { HaetaeError } from '#model/errors.ts'
import { Conflict, NoAnswer, within } from '../no-answer.ts'
import type { Balanced, BalancedServer, LoadBalancerReader, LoadBalancerWriter } from './types.ts'

export interface LoadBalancerOptions {
  /** HAProxy's runtime API: a Unix socket of level `user`, with manifests/haproxy/haetae.lua loaded. */
  socket: string
}

export interface LoadBalancerClient {
  readonly reader: LoadBalancerReader
  readonly writer: LoadBalancerWriter
}

/** Longest wait for one answer, milliseconds. */
const answerMs = 5000

/** One connection a command: HAProxy closes it when it has answered. Without options every call is refused. */
export function loadBalancerClient(options: LoadBalancerOptions | undefined): LoadBalancerClient {
  const target = `HAProxy ${options?.socket ?? ''}`
  const ask = async (command: string, signal: AbortSignal): Promise<string> => {
    if (options === undefined) throw new HaetaeError('load-balancer-unknown', "this site's load balancer")
    const said = await answer(options.socket, target, command, within(answerMs, signal))
    if (!said.startsWith('Unknown command')) return said
    throw new HaetaeError('load-balancer-not-prepared', target, { why: said.split('\n')[0] ?? '' })
  }
  return {
    reader: {
      async backend(name, signal) {
        // On one line, so that both are asked on one connection.
        const said = await ask(`haetae version ${word(name)}; show servers state ${word(name)}`, signal)
        return said.includes("Can't find backend") ? undefined : balancedIn(said)
      },
    },
    writer: {
      async switch(name, server, seen, signal) {
        const serving = seen.servers.filter((one) => one.serving).map((one) => one.name)
        const words = [name, server, String(seen.version), serving.sort().join(',') || '-']
        const said = (await ask(`haetae switch ${words.map(word).join(' ')}`, signal)).trim()
        if (said === 'done') return
        const [kind, ...why] = said.split(' ')
        if (kind === 'refused') throw new Conflict(`backend ${name} of ${target}`, why.join(' '))
        throw new Error(`backend ${name} of ${target} was not switched to ${server}: ${said}`)
      },
    },
  }
}

/** A command is text: nothing else than a name may come into it. */
function word(text: string): string {
  if (/^[\w.,:-]+$/.test(text)) return text
  throw new Error(`not a name in HAProxy: ${JSON.stringify(text)}`)
}

function answer(socket: string, target: string, command: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const client = connect(socket)
    const end = (error?: unknown) => {
      signal.removeEventListener('abort', onAbort)
      client.destroy()
      if (error === undefined) resolve(said)
      else reject(new NoAnswer(target, error))
    }
    const onAbort = () => end(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort)
    client.setEncoding('utf8')
    client.on('connect', () => client.write(`${command}\n`))
    client.on('data', (part) => (said += String(part)))
    client.on('error', end)
    client.on('end', () => (said.trim() === '' ? end(new Error('it closed without an answer')) : end()))
  })
}

/** Why HAProxy sends nothing to a server, of `srv_admin_state`: maintenance (by command, inherited, by name) or draining. */
const notServing = 0x01 | 0x02 | 0x20 | 0x40 | 0x08 | 0x10

/** `haetae version`, then `show servers state`: a version of the format, names of the columns, a line a server. */
function balancedIn(said: string): Balanced {
  const lines = said.split('\n').filter((line) => line.trim() !== '')
  const columns = (lines.find((line) => line.startsWith('#')) ?? '').slice(1).trim().split(' ')
  const rows = lines.slice(lines.findIndex((line) => line.startsWith('#')) + 1)
  return { version: Number(lines[0]), servers: rows.map((row) => serverIn(columns, row.split(' '))) }
}

function serverIn(columns: readonly string[], values: readonly string[]): BalancedServer {
  const value = (column: string) => values[columns.indexOf(column)] ?? ''
  return {
    name: value('srv_name'),
    address: `${value('srv_addr')}:${value('srv_port')}`,
    serving: (Number(value('srv_admin_state')) & notServing) === 0,
    up: Number(value('srv_op_state')) > 0,
  }
}
