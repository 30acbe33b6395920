import { execFile } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { Conflict, NoAnswer, within } from '../no-answer.ts'
import type { DnsAnswer, DnsChange, DnsPrerequisite, DnsReader, DnsWriter } from './types.ts'

/** Thrown when the server answered no: a key it does not know, a zone that is not its own, a name outside the zone. */
export class DnsRefused extends Error {
  readonly rcode: string
  constructor(server: string, rcode: string) {
    super(`the name server ${server} refused the update: ${rcode}`)
    this.name = 'DnsRefused'
    this.rcode = rcode
  }
}

export interface DnsOptions {
  /** Address of the server (no name: names are what it is asked for). */
  host: string
  port: number
  /** The zone, e.g. `gov.test.`. */
  zone: string
  /** File with the TSIG key in BIND's form; updates are unsigned without it. */
  tsigKeyFile?: string
  /** Longest wait for one answer, milliseconds; 5 s when absent. */
  timeoutMs?: number
  /** The program; `nsupdate` from the PATH when absent. */
  nsupdate?: string
}

/** Looks names up at one server. Nothing is cached, no other server is asked. */
export function dnsReader(options: DnsOptions): DnsReader {
  const server = `${options.host}:${options.port}`
  const timeoutMs = options.timeoutMs ?? 5000
  return {
    server,
    async lookUp(name, signal) {
      const bounded = within(timeoutMs, signal)
      if (bounded.aborted) throw new NoAnswer(server, bounded.reason)
      // A resolver of its own, because cancel() ends every query of a resolver.
      const resolver = new Resolver({ timeout: Math.max(500, Math.floor(timeoutMs / 3)), tries: 2 })
      resolver.setServers([isIP(options.host) === 6 ? `[${options.host}]:${options.port}` : server])
      const cancel = () => resolver.cancel()
      bounded.addEventListener('abort', cancel)
      try {
        return await ask(resolver, name)
      } catch (error) {
        throw new NoAnswer(server, bounded.aborted ? bounded.reason : error)
      } finally {
        bounded.removeEventListener('abort', cancel)
      }
    },
  }
}

async function ask(resolver: Resolver, name: string): Promise<DnsAnswer> {
  const bare = name.replace(/\.$/, '')
  const [addresses, texts] = await Promise.all([
    resolver.resolve4(bare, { ttl: true }).catch(noneFound),
    resolver.resolveTxt(bare).catch(noneFound),
  ])
  return {
    addresses: addresses.map((record) => record.address).sort(),
    ttlSeconds: addresses[0]?.ttl,
    texts: texts.map((chunks) => chunks.join('')).sort(),
  }
}

function noneFound(error: NodeJS.ErrnoException): never[] {
  if (error.code === 'ENOTFOUND' || error.code === 'ENODATA') return []
  throw error
}

/** Sends RFC 2136 updates by `nsupdate`: a child process of about 30 ms, killed at the deadline. */
export function dnsWriter(options: DnsOptions): DnsWriter {
  const server = `${options.host}:${options.port}`
  const timeoutMs = options.timeoutMs ?? 5000
  return {
    async update(prerequisites, changes, signal) {
      const bounded = within(timeoutMs, signal)
      if (bounded.aborted) throw new NoAnswer(server, bounded.reason)
      const input = updateScript(options, prerequisites, changes)
      // -t: nsupdate's own limit is 300 s, and the kernel's SYN retries are longer than our deadline.
      const args = ['-v', '-t', String(Math.ceil(timeoutMs / 1000)), ...keyArgs(options)]
      const { code, stderr } = await run(options.nsupdate ?? 'nsupdate', args, input, bounded)
      if (code === 0) return
      if (bounded.aborted) throw new NoAnswer(server, bounded.reason)
      throw failureOf(server, stderr)
    },
  }
}

function keyArgs(options: DnsOptions): string[] {
  return options.tsigKeyFile === undefined ? [] : ['-k', options.tsigKeyFile]
}

/** The commands for nsupdate. Throws TypeError on a name or value that could end a line and start another. */
export function updateScript(
  options: Pick<DnsOptions, 'host' | 'port' | 'zone'>,
  prerequisites: readonly DnsPrerequisite[],
  changes: readonly DnsChange[],
): string {
  const lines = [`server ${options.host} ${options.port}`, `zone ${options.zone}`]
  for (const rule of prerequisites) {
    const name = fullName(rule.name)
    if (rule.kind === 'absent') lines.push(`prereq nxrrset ${name} IN ${rule.type}`)
    else
      for (const value of rule.values)
        lines.push(`prereq yxrrset ${name} IN ${rule.type} ${data(rule.type, value)}`)
  }
  for (const change of changes) {
    const name = fullName(change.name)
    lines.push(`update delete ${name} IN ${change.type}`)
    if (change.kind !== 'set') continue
    for (const value of change.values) {
      lines.push(`update add ${name} ${change.ttlSeconds} IN ${change.type} ${data(change.type, value)}`)
    }
  }
  return `${lines.join('\n')}\nsend\n`
}

function fullName(name: string): string {
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/.test(name)) throw new TypeError(`not a DNS name: ${name}`)
  return name.endsWith('.') ? name : `${name}.`
}

function data(type: 'A' | 'TXT', value: string): string {
  if (type === 'A') {
    if (isIP(value) !== 4) throw new TypeError(`not an IPv4 address: ${value}`)
    return value
  }
  if (!/^[\x20-\x7e]{0,255}$/.test(value))
    throw new TypeError('a TXT value is at most 255 printable characters')
  return `"${value.replace(/[\\"]/g, (character) => `\\${character}`)}"`
}

interface Finished {
  code: number | null
  stderr: string
}

function run(command: string, args: string[], input: string, signal: AbortSignal): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { signal, killSignal: 'SIGKILL' }, (error, _stdout, stderr) => {
      if (error !== null && error.code === 'ENOENT')
        reject(new Error(`${command} is not installed`, { cause: error }))
      else resolve({ code: error === null ? 0 : Number(error.code ?? 1), stderr })
    })
    child.stdin?.on('error', () => undefined) // it may die before it has read everything
    child.stdin?.end(input)
  })
}

/** `update failed: NXRRSET` and YXRRSET are a prerequisite that does not hold; other codes are a refusal. */
function failureOf(server: string, stderr: string): Error {
  const rcode =
    /update failed: ([A-Z]+)/.exec(stderr)?.[1] ??
    /TSIG error.*: ?(\S+)|(BADKEY|BADSIG|BADTIME)/.exec(stderr)?.[0]
  const text = stderr.trim().split('\n')[0] ?? ''
  if (rcode === undefined) return new NoAnswer(server, new Error(text || 'nsupdate failed without a word'))
  if (['NXRRSET', 'YXRRSET', 'NXDOMAIN', 'YXDOMAIN'].includes(rcode)) {
    return new Conflict(server, `a prerequisite of the update does not hold (${rcode})`)
  }
  // The server may have been in the middle of it.
  if (rcode === 'SERVFAIL') return new NoAnswer(server, new Error(text))
  return new DnsRefused(server, rcode)
}
