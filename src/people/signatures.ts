import { HaetaeError } from '#model/errors.ts'
import { instant } from '#model/time.ts'
import { readSignature, verify, type HardwareUse } from '#platform/ssh.ts'
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
  /** How the key was used, when it is on a hardware token; null otherwise. */
  hardware: HardwareUse | null
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
    const why = {
      en: `the roster has ${roster.principals.length} people, none of this name`,
      ko: `명부에 있는 ${roster.principals.length}명 가운데 이 이름이 없습니다`,
    }
    throw new HaetaeError('principal-unknown', signed.principal, { where: 'roster', why })
  }
  if (facts.namespace !== signed.namespace) {
    const why = `it was made for ${JSON.stringify(facts.namespace)}, needed is ${signed.namespace}`
    throw new HaetaeError('signature-invalid', 'the signature', { why })
  }
  const found = roster.findByFingerprint(facts.fingerprint)
  if (found === undefined) {
    const why = { en: 'nobody in the roster has this key', ko: '명부의 누구도 이 키를 갖고 있지 않습니다' }
    throw new HaetaeError('key-unknown', `key ${facts.fingerprint}`, { where: 'roster', why })
  }
  const { principal, key } = found
  if (signed.principal !== undefined && principal.id !== signed.principal) {
    const why = {
      en: `the statement names ${signed.principal}, the key is another person's`,
      ko: `서명한 내용의 이름은 ${signed.principal}이지만 키는 다른 사람의 것입니다`,
    }
    throw new HaetaeError('key-unknown', `key ${facts.fingerprint} for ${signed.principal}`, { why })
  }
  if (!isValidAt(key, at)) {
    const from = instant(key.validFrom)
    const until = instant(key.validUntil)
    const why = {
      en: `it is valid from ${from} until ${until}, now is ${instant(at)}`,
      ko: `유효 기간은 ${from}부터 ${until}까지, 지금은 ${instant(at)}입니다`,
    }
    throw new HaetaeError('key-expired', `key ${key.fingerprint} of ${principal.id}`, {
      where: 'roster',
      why,
    })
  }
  // ssh-keygen does not look at this flag: a token that malware uses while nobody is near would do.
  if (facts.hardware?.userPresent === false) {
    const why = {
      en: 'the hardware token was not touched for it',
      ko: '하드웨어 토큰을 만지지 않고 만든 서명입니다',
    }
    const remedy = {
      en: 'Sign again, and touch the token when it waits for it. A key made with no-touch-required cannot be used: make one without.',
      ko: '다시 서명하고 토큰이 기다릴 때 만지십시오. no-touch-required로 만든 키는 쓸 수 없으니 새로 만드십시오.',
    }
    throw new HaetaeError('signature-invalid', `the signature of ${principal.id}`, { why, remedy })
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
  return { principal, key, hardware: facts.hardware }
}
