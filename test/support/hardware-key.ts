import { createHash, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'

/*
 * A hardware token in software (OpenSSH's PROTOCOL.u2f): what it signs is its application, its flags, its counter and
 * the message, as a token does. And an agent that holds one, as ssh-agent does for a token.
 */

export type HardwareKind = 'sk-ssh-ed25519@openssh.com' | 'sk-ecdsa-sha2-nistp256@openssh.com'

/** Flags of a token: somebody touched it; and it asked for a PIN or a finger. */
export const touched = 0x01
export const verified = 0x05

export class SoftwareToken {
  readonly kind: HardwareKind
  /** What the next signatures say. */
  flags = touched
  counter = 1
  readonly #key: KeyObject
  readonly #blob: Buffer
  readonly #application = 'ssh:'
  /** The same private half as a plain key, as nobody should have it in a roster. */
  readonly plainPublicKey: string

  constructor(kind: HardwareKind) {
    this.kind = kind
    const ed = kind.startsWith('sk-ssh-ed25519')
    const { privateKey, publicKey } = ed
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#key = privateKey
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
    const [first, second] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]
    const parts = ed ? [first] : [Buffer.from('nistp256'), Buffer.concat([Buffer.from([4]), first, second])]
    this.#blob = strings(kind, ...parts, this.#application)
    const plain = ed ? 'ssh-ed25519' : 'ecdsa-sha2-nistp256'
    this.plainPublicKey = `${plain} ${strings(plain, ...parts).toString('base64')}`
  }

  get publicKey(): string {
    return `${this.kind} ${this.#blob.toString('base64')}`
  }

  /** An armored SSHSIG, as `ssh-keygen -Y sign` writes one. */
  sign(namespace: string, bytes: string): string {
    const message = strings(namespace, '', 'sha512', createHash('sha512').update(bytes).digest())
    const made = this.signData(Buffer.concat([Buffer.from('SSHSIG'), message]))
    const version = uint32(1)
    const body = strings(this.#blob, namespace, '', 'sha512', made)
    const base64 = Buffer.concat([Buffer.from('SSHSIG'), version, body]).toString('base64')
    const lines = base64.match(/.{1,70}/g) ?? []
    return ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----', ''].join('\n')
  }

  /** The signature blob over data that is to be signed: flags and counter behind it. */
  signData(data: Buffer): Buffer {
    const use = Buffer.concat([Buffer.from([this.flags]), uint32(this.counter)])
    this.counter += 1
    const signed = Buffer.concat([sha256(this.#application), use, sha256(data)])
    const ed = this.kind.startsWith('sk-ssh-ed25519')
    const raw = ed
      ? signBytes(null, signed, this.#key)
      : signBytes('sha256', signed, { key: this.#key, dsaEncoding: 'ieee-p1363' })
    const value = ed ? raw : strings(mpint(raw.subarray(0, 32)), mpint(raw.subarray(32)))
    return Buffer.concat([strings(this.kind, value), use])
  }

  /** An agent on a Unix socket that signs with this token. */
  agent(socket: string): Promise<Server> {
    const server = createServer((connection) => this.#serve(connection))
    return new Promise((resolve) => server.listen(socket, () => resolve(server)))
  }

  #serve(connection: Socket): void {
    let pending = Buffer.alloc(0)
    connection.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk])
      while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE(0)) {
        const end = 4 + pending.readUInt32BE(0)
        const answer = this.#answer(pending.subarray(4, end))
        pending = pending.subarray(end)
        connection.write(Buffer.concat([uint32(answer.length), answer]))
      }
    })
  }

  /** Lists the one identity (11 → 12), signs with it (13 → 14), and knows nothing else (5). */
  #answer(request: Buffer): Buffer {
    if (request[0] === 11) return Buffer.concat([Buffer.from([12]), uint32(1), strings(this.#blob, 'token')])
    if (request[0] !== 13) return Buffer.from([5])
    const dataAt = 1 + 4 + request.readUInt32BE(1)
    const data = request.subarray(dataAt + 4, dataAt + 4 + request.readUInt32BE(dataAt))
    return Buffer.concat([Buffer.from([14]), strings(this.signData(data))])
  }
}

function strings(...parts: (string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = typeof part === 'string' ? Buffer.from(part) : part
      return [uint32(bytes.length), bytes]
    }),
  )
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A positive number as SSH writes it: without leading zeros, and with one where it would look negative. */
function mpint(bytes: Buffer): Buffer {
  const from = bytes.findIndex((byte) => byte !== 0)
  const short = bytes.subarray(from)
  return (short[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), short]) : short
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest()
}
