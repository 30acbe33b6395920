import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { closeSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

/*
 * SSH signatures (SSHSIG) through `ssh-keygen -Y`: hardware keys and agents work, and anybody can check one
 * with stock tools. One call costs about 10 ms. ssh-keygen ends with 255 for every kind of no, so what can be
 * told about a refusal is read from the signature itself (`readSignature`) before ssh-keygen is asked.
 */

/** What an armored signature says about itself; nothing of it is proven until `verify` said yes. */
export interface SignatureFacts {
  /** `SHA256:...`, as `ssh-keygen -lf` prints it. */
  fingerprint: string
  /** Key type and base64 blob, as in an authorized_keys file. */
  publicKey: string
  namespace: string
  /** How the key was used, when it is on a hardware token; null otherwise. */
  hardware: HardwareUse | null
}

/**
 * What a hardware token put into its signature (OpenSSH's PROTOCOL.u2f): it is signed too. ssh-keygen proves the
 * signature and leaves the flags to whoever asks.
 */
export interface HardwareUse {
  /** Somebody touched the token. */
  userPresent: boolean
  /** And the token asked who it is: a PIN, or a finger. */
  userVerified: boolean
  /** Of the token: it grows with every signature, so a copied token shows. Some tokens always say 0. */
  counter: number
}

export type Verdict = { ok: true } | { ok: false; why: string }

export interface VerifyRequest {
  /** The text of an allowed_signers file. */
  allowedSigners: string
  principal: string
  namespace: string
  bytes: string | Uint8Array
  /** The armored signature. */
  signature: string
  /** Milliseconds since the epoch: the moment at which the key has to be valid. */
  at: number
}

/** Thrown when ssh-keygen could not sign: the file is missing, open to others, or the passphrase was wrong. */
export class SigningFailed extends Error {
  constructor(keyFile: string, said: string) {
    super(`ssh-keygen could not sign with ${keyFile}: ${said}`)
    this.name = 'SigningFailed'
  }
}

type SshKeygen = ChildProcessByStdio<Writable | null, Readable, Readable>

interface Outcome {
  exit: number
  out: string
  err: string
}

/**
 * Runs ssh-keygen with the bytes on its standard input, and open files that it sees from /dev/fd/3 on.
 * Rejects when it is not installed.
 */
function sshKeygen(
  args: readonly string[],
  /** null: whatever the terminal gives. */
  input: string | Uint8Array | null,
  { files = [], onSaid }: { files?: readonly number[]; onSaid?: ((text: string) => void) | undefined } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const stdin = input === null ? ('inherit' as const) : ('pipe' as const)
    const stdio = [stdin, 'pipe' as const, 'pipe' as const, ...files]
    const child = spawn('ssh-keygen', args, { stdio, timeout: 60_000 }) as SshKeygen
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      err += chunk
      onSaid?.(chunk)
    })
    child.on('error', (cause) =>
      reject(new Error('ssh-keygen cannot be started; install openssh-client', { cause })),
    )
    child.on('close', (code) => resolve({ exit: code ?? 255, out, err }))
    // It may end before it has read everything: its exit says why, the broken pipe does not.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

/** The last line that ssh-keygen wrote, which is where it says why. */
function reasonOf(outcome: Outcome): string {
  return (
    `${outcome.err}\n${outcome.out}`.trim().split(/\r?\n/).filter(Boolean).at(-1) ?? `exit ${outcome.exit}`
  )
}

export interface SigningOptions {
  /** Somebody sits at the terminal: ssh-keygen may ask there for a passphrase or a PIN. */
  atTerminal?: boolean
  /** What ssh-keygen says meanwhile, such as that the token waits to be touched. */
  onSaid?: (text: string) => void
}

/**
 * Signs bytes with a private key's file (or a public key's whose private half is in an agent or on a token).
 * The armored signature is returned. Throws SigningFailed with what ssh-keygen said.
 */
export async function sign(
  keyFile: string,
  namespace: string,
  bytes: string | Uint8Array,
  { atTerminal = false, onSaid }: SigningOptions = {},
): Promise<string> {
  const args = ['-Y', 'sign', '-q', '-f', keyFile, '-n', namespace]
  if (atTerminal) return signAtTerminal(keyFile, args, bytes, onSaid)
  const outcome = await sshKeygen(args, bytes, { onSaid })
  if (outcome.exit !== 0) throw new SigningFailed(keyFile, reasonOf(outcome))
  return outcome.out
}

/** Only with its standard input at the terminal does ssh-keygen ask there: so the bytes come in a file. */
async function signAtTerminal(
  keyFile: string,
  args: readonly string[],
  bytes: string | Uint8Array,
  onSaid: SigningOptions['onSaid'],
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'haetae-sign-'))
  try {
    const file = join(folder, 'statement')
    writeFileSync(file, bytes, { mode: 0o600 })
    const outcome = await sshKeygen([...args, file], null, { onSaid })
    if (outcome.exit !== 0) throw new SigningFailed(keyFile, reasonOf(outcome))
    return readFileSync(`${file}.sig`, 'utf8')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Asks ssh-keygen whether the signature holds for this principal, namespace and moment. */
export async function verify(request: VerifyRequest): Promise<Verdict> {
  const files: number[] = []
  try {
    for (const text of [request.allowedSigners, request.signature]) files.push(namelessFile(text))
    const args = ['-Y', 'verify', '-f', '/dev/fd/3', '-I', request.principal, '-n', request.namespace]
    args.push('-s', '/dev/fd/4', `-Overify-time=${sshTime(request.at)}`)
    const outcome = await sshKeygen(args, request.bytes, { files })
    return outcome.exit === 0 ? { ok: true } : { ok: false, why: reasonOf(outcome) }
  } finally {
    for (const file of files) closeSync(file)
  }
}

/** An open file that holds the text and has no name any more: a killed process leaves nothing of it behind. */
function namelessFile(text: string): number {
  const path = join(tmpdir(), `haetae-verify-${randomUUID()}`)
  const file = openSync(path, 'wx+', 0o600)
  unlinkSync(path)
  writeFileSync(file, text)
  return file
}

/** A moment as ssh-keygen takes it, UTC: `20261124061500Z`. */
export function sshTime(ms: number): string {
  return `${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
}

/** Kinds of keys that sign, with the place of what makes the key among the strings of its blob. No certificates. */
const keyKinds: { readonly [type: string]: number } = {
  'ssh-ed25519': 1,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
  'ssh-rsa': 2,
  'sk-ssh-ed25519@openssh.com': 1,
  'sk-ecdsa-sha2-nistp256@openssh.com': 2,
}

/**
 * Key type and base64 blob of a public key's line, without its comment; undefined when it is none of a kind that signs,
 * not whole, or not written in the one usual way: two texts of one key would be two people's.
 */
export function barePublicKey(line: string): string | undefined {
  return partsOf(line)?.bare
}

/**
 * What makes a key the key that it is, whatever kind it is written as: the same point as a plain key and as one of a
 * token would be two keys for one private half. Throws TypeError when it is no public key.
 */
export function keyMaterialOf(line: string): string {
  const parts = partsOf(line)
  if (parts === undefined) throw new TypeError('not an SSH public key')
  return parts.material
}

function partsOf(line: string): { bare: string; material: string } | undefined {
  const [type, blob] = line.trim().split(/\s+/)
  const place = type === undefined || !Object.hasOwn(keyKinds, type) ? undefined : keyKinds[type]
  if (type === undefined || blob === undefined || place === undefined) return undefined
  const bytes = Buffer.from(blob, 'base64')
  if (bytes.toString('base64') !== blob) return undefined
  const strings = stringsOf(bytes)
  const material = strings?.[place]
  if (strings?.[0] !== type || material === undefined) return undefined
  return { bare: `${type} ${blob}`, material }
}

/** The strings that a blob is made of, to its very end; undefined when it is not made of strings alone. */
function stringsOf(bytes: Buffer): string[] | undefined {
  const found: string[] = []
  for (let at = 0; at < bytes.length;) {
    const part = readString(bytes, at)
    if (part === undefined) return undefined
    found.push(part.value.toString('latin1'))
    at = part.next
  }
  return found
}

/** `SHA256:...` of a public key's line, as `ssh-keygen -lf` prints it. Throws TypeError when it is no public key. */
export function fingerprintOf(line: string): string {
  const bare = barePublicKey(line)
  if (bare === undefined) throw new TypeError('not an SSH public key')
  return fingerprintOfBlob(Buffer.from(bare.split(' ')[1] ?? '', 'base64'))
}

function fingerprintOfBlob(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

function readString(bytes: Buffer, at: number): { value: Buffer; next: number } | undefined {
  if (at + 4 > bytes.length) return undefined
  const end = at + 4 + bytes.readUInt32BE(at)
  return end > bytes.length ? undefined : { value: bytes.subarray(at + 4, end), next: end }
}

/** Reads key and namespace out of an armored signature; undefined when it is none. */
export function readSignature(armored: string): SignatureFacts | undefined {
  const body = /-----BEGIN SSH SIGNATURE-----([A-Za-z0-9+/=\s]+)-----END SSH SIGNATURE-----/.exec(
    armored,
  )?.[1]
  if (body === undefined) return undefined
  const bytes = Buffer.from(body.replace(/\s+/g, ''), 'base64')
  if (bytes.subarray(0, 6).toString('latin1') !== 'SSHSIG') return undefined
  const key = readString(bytes, 10)
  const namespace = key && readString(bytes, key.next)
  const type = key && readString(key.value, 0)
  const reserved = namespace && readString(bytes, namespace.next)
  const hash = reserved && readString(bytes, reserved.next)
  const made = hash && readString(bytes, hash.next)
  if (key === undefined || namespace === undefined || type === undefined || made === undefined)
    return undefined
  const hardware = hardwareUseOf(type.value.toString('latin1'), made.value)
  if (hardware === undefined) return undefined
  return {
    fingerprint: fingerprintOfBlob(key.value),
    publicKey: `${type.value.toString('latin1')} ${key.value.toString('base64')}`,
    namespace: namespace.value.toString('utf8'),
    hardware,
  }
}

/** Flags and counter behind the signature of a token's key: null of another key, undefined when they are missing. */
function hardwareUseOf(keyType: string, made: Buffer): HardwareUse | null | undefined {
  if (!keyType.startsWith('sk-')) return null
  const type = readString(made, 0)
  const value = type && readString(made, type.next)
  if (value === undefined || made.length !== value.next + 5) return undefined
  const flags = made.readUInt8(value.next)
  return {
    userPresent: (flags & 0x01) !== 0,
    userVerified: (flags & 0x04) !== 0,
    counter: made.readUInt32BE(value.next + 1),
  }
}

/**
 * Makes an ed25519 key pair without a passphrase: the private half in `file` (0600), the public one in `file.pub`.
 * For tests and the lab. Returns the public half's line.
 */
export async function generateKey(file: string, comment: string): Promise<string> {
  const outcome = await sshKeygen(['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file], '')
  if (outcome.exit !== 0) throw new SigningFailed(file, reasonOf(outcome))
  const shown = await sshKeygen(['-y', '-f', file], '')
  if (shown.exit !== 0) throw new SigningFailed(file, reasonOf(shown))
  return shown.out.trim()
}
