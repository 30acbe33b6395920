import { HaetaeError } from '#model/errors.ts'
import { instant } from '#model/time.ts'
import { readSignature, verify } from '#platform/ssh.ts'
import { isValidAt, type Namespace, type Principal, type Roster, type RosterKey } from './roster.ts'

export interface SignedBytes {
  namespace: Namespace
  bytes: string
  /** Armored SSHSIG. */
  signature: string
  /** The person that the bytes name; the key has to be theirs. Absent: whoever the key belongs to. */
  principal?: string
}

/** Who signed, proven. */
export interface Signer {
  principal: Principal
  key: RosterKey
}

/**
 * Proves who signed some bytes, at a moment (milliseconds since the epoch; of receipt, never the signer's own).
 * Throws `signature-invalid`, `principal-unknown`, `key-unknown` or `key-expired`, each saying why.
 * ssh-keygen has the last word; the checks before it only tell the kinds of no apart.
 */
export async function proveSigner(roster: Roster, signed: SignedBytes, at: number): Promise<Signer> {
  const facts = readSignature(signed.signature)
  if (facts === undefined) {
    throw new HaetaeError('signature-invalid', 'the signature', { why: 'it is no armored SSH signature' })
  }
  if (signed.principal !== undefined && roster.find(signed.principal) === undefined) {
    const why = `the roster has ${roster.principals.length} people, none of this name`
    throw new HaetaeError('principal-unknown', signed.principal, { where: 'roster', why })
  }
  if (facts.namespace !== signed.namespace) {
    const why = `it was made for ${JSON.stringify(facts.namespace)}, needed is ${signed.namespace}`
    throw new HaetaeError('signature-invalid', 'the signature', { why })
  }
  const found = roster.findByFingerprint(facts.fingerprint)
  if (found === undefined) {
    const why = 'nobody in the roster has this key'
    throw new HaetaeError('key-unknown', `key ${facts.fingerprint}`, { where: 'roster', why })
  }
  const { principal, key } = found
  if (signed.principal !== undefined && principal.id !== signed.principal) {
    const why = `the statement names ${signed.principal}, the key is another person's`
    throw new HaetaeError('key-unknown', `key ${facts.fingerprint} for ${signed.principal}`, { why })
  }
  if (!isValidAt(key, at)) {
    const why = `it is valid from ${instant(key.validFrom)} until ${instant(key.validUntil)}, now is ${instant(at)}`
    throw new HaetaeError('key-expired', `key ${key.fingerprint} of ${principal.id}`, {
      where: 'roster',
      why,
    })
  }
  const verdict = await verify({
    allowedSigners: roster.allowedSigners(),
    principal: principal.id,
    namespace: signed.namespace,
    bytes: signed.bytes,
    signature: signed.signature,
    at,
  })
  if (!verdict.ok)
    throw new HaetaeError('signature-invalid', `the signature of ${principal.id}`, { why: verdict.why })
  return { principal, key }
}
