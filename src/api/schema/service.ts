import { z } from 'zod'
import { roles } from '#people/roles.ts'
import { instant, siteId, systemId, text } from './common.ts'

const role = z.enum(roles)

export const challengeReply = z.object({
  challenge: z.string(),
  site: siteId,
  expiresAt: instant,
})
export const signInBody = z.object({
  principal: z.string().regex(/^[\x21-\x7e]{1,100}$/, 'a name, such as approver-1, is needed'),
  challenge: z.string().max(200),
  /** SSHSIG over the canonical JSON of {challenge, principal, purpose: "session", site}, namespace haetae-session. */
  signature: z.string().max(20_000),
})
export const sessionReply = z.object({
  token: z.string(),
  principal: z.string(),
  roles: z.array(role),
  site: siteId,
  expiresAt: instant,
})
export const whoAmIReply = sessionReply.omit({ token: true })

export const check = z.object({ name: z.string(), ok: z.boolean(), detail: text.nullable() })
export const readyReply = z.object({ ready: z.boolean(), checks: z.array(check) })
export const healthReply = z.object({
  alive: z.literal(true),
  site: siteId,
  version: z.string(),
  now: instant,
})

export const peerStatus = z.object({
  site: siteId,
  version: z.string(),
  now: instant,
  startedAt: instant,
  ready: z.boolean(),
  /** Digest of the catalogue that this site stands on. */
  catalogue: z.string(),
  /** What this site sees of its own systems, for its peer's second vantage point. */
  systems: z.array(z.object({ system: systemId, health: z.string(), activeSite: siteId.nullable() })),
})
export const peerAuthority = z.object({
  site: siteId,
  authorities: z.array(
    z.object({ system: systemId, epoch: z.int(), site: siteId, runId: z.string().nullable() }),
  ),
})

export type SessionReply = z.infer<typeof sessionReply>
export type Check = z.infer<typeof check>
export type ReadyReply = z.infer<typeof readyReply>
export type HealthReply = z.infer<typeof healthReply>
export type PeerStatus = z.infer<typeof peerStatus>
export type PeerAuthority = z.infer<typeof peerAuthority>
