import { createPrivateKey, createPublicKey } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'

/** Files of a key pair, PEM. */
export interface KeyPair {
  cert: string
  key: string
}

export interface CertificateRequest {
  commonName: string
  /** Kubernetes reads groups from here. */
  organization?: string
  dns?: readonly string[]
  ips?: readonly string[]
}

/** Long enough for a lab that is left running; a lab's authority dies with it. */
const DAYS = '60'

/** Creates a certificate authority `NAME.crt`, `NAME.key` in the folder. */
export async function createAuthority(dir: string, name: string): Promise<KeyPair> {
  const pair = await filesFor(dir, name)
  await request(dir, pair, `/CN=${name}`, [
    'basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,keyCertSign,cRLSign,digitalSignature',
  ])
  return pair
}

/** Issues `NAME.crt`, `NAME.key` in the folder, for servers and clients alike. */
export async function issue(
  authority: KeyPair,
  dir: string,
  name: string,
  wanted: CertificateRequest,
): Promise<KeyPair> {
  const pair = await filesFor(dir, name)
  const names = [
    ...(wanted.dns ?? []).map((dns) => `DNS:${dns}`),
    ...(wanted.ips ?? []).map((ip) => `IP:${ip}`),
  ]
  const organization = wanted.organization === undefined ? '' : `/O=${wanted.organization}`
  await request(
    dir,
    pair,
    `${organization}/CN=${wanted.commonName}`,
    [
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      'extendedKeyUsage=serverAuth,clientAuth',
      ...(names.length === 0 ? [] : [`subjectAltName=${names.join(',')}`]),
    ],
    ['-CA', authority.cert, '-CAkey', authority.key],
  )
  return pair
}

/** A key that signs service account tokens: the certificate file holds the bare public key. */
export async function createTokenKey(dir: string, name: string): Promise<KeyPair> {
  const pair = await filesFor(dir, name)
  await run(['openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', pair.key])
  const publicKey = createPublicKey(createPrivateKey(await readFile(pair.key)))
  await writeFile(pair.cert, publicKey.export({ type: 'spki', format: 'pem' }))
  return pair
}

async function filesFor(dir: string, name: string): Promise<KeyPair> {
  await mkdir(dir, { recursive: true, mode: 0o755 })
  return keyPairIn(dir, name)
}

/** The files of the key pair with that name in the folder. */
export function keyPairIn(dir: string, name: string): KeyPair {
  return { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) }
}

async function request(
  dir: string,
  pair: KeyPair,
  subject: string,
  extensions: readonly string[],
  signer: readonly string[] = [],
): Promise<void> {
  // openssl's own configuration would add extensions (CA:TRUE among them); an empty one adds nothing.
  const config = join(dir, `.${process.pid}-${Math.random().toString(36).slice(2)}.cnf`)
  await writeFile(config, '[req]\ndistinguished_name = name\n[name]\n')
  try {
    await run([
      ...[
        'openssl',
        'req',
        '-x509',
        '-config',
        config,
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
      ],
      ...['-noenc', '-days', DAYS, '-subj', subject, '-out', pair.cert, '-keyout', pair.key, ...signer],
      ...extensions.flatMap((extension) => ['-addext', extension]),
    ])
  } finally {
    await rm(config, { force: true })
  }
}
