import { z } from 'zod'
import { purposeNames } from '#people/purposes.ts'
import { instant, localized } from './common.ts'
import { signed } from './request.ts'

export const statementView = z.object({
  purpose: z.enum(purposeNames),
  gate: z.string().nullable(),
  principal: z.string(),
  decision: z.enum(['yes', 'no']),
  reason: z.string(),
  sources: z.array(z.string()),
  planDigest: z.string(),
  receivedAt: instant,
  expiresAt: instant,
  /** Why it does not count now; null while it does. */
  ignored: localized.nullable(),
  /** Exactly what was signed, and the signature: for `ssh-keygen -Y verify`. */
  signed,
  /** Namespace of the signature. */
  namespace: z.string(),
  /** Fingerprint of the key that signed, and its line for an allowed_signers file: to be compared with your own. */
  key: z.string(),
  allowedSigner: z.string(),
  /** How a key on a hardware token was used; null of another key. */
  hardware: z.object({ userPresent: z.boolean(), userVerified: z.boolean(), counter: z.int() }).nullable(),
  /** The rules that were in force at its receipt, and the digest of the policy that they are of. */
  rules: z.array(z.string()).nullable(),
  policy: z.string().nullable(),
})

const given = z.object({ principal: z.string(), reason: z.string(), receivedAt: instant, expiresAt: instant })

export const gateView = z.object({
  gate: z.string(),
  purpose: z.enum(purposeNames).exclude(['declare']),
  state: z.enum(['waiting', 'passed', 'refused']),
  /** Distinct people that it takes: the plan's number, or the policy's when that is greater. */
  quorum: z.int(),
  given: z.array(given),
  /** Who broke the glass of this gate: it takes fewer people, and a review by two others. */
  brokenBy: z.array(given),
  refusedBy: z.array(z.string()),
  /** Signed and not counted, with why. */
  ignored: z.array(z.object({ principal: z.string(), why: localized })),
  /** Roles that may sign, the requester excepted. */
  roles: z.array(z.string()),
  /** Which keys count. */
  keys: z.enum(['any', 'hardware', 'verified']),
  /** Ids of the policy's rules that say so, and the digest of the policy. */
  rules: z.array(z.string()),
  policy: z.string(),
})

export type StatementView = z.infer<typeof statementView>
export type GateView = z.infer<typeof gateView>
