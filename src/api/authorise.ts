import type { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import { HaetaeError, messageOf } from '#model/errors.ts'
import type { RecordAccess, Session, Sessions } from '#people/sessions.ts'
import type { RouteHead } from './routes.ts'

export interface Guard {
  sessions: Sessions
  record: RecordAccess
  /** Sites whose client certificate (CN `haetae-SITE`) opens the peer routes. */
  peers: readonly string[]
}

/** Who calls: a person's session, a peer site, or nobody known. */
export type Caller =
  { kind: 'person'; session: Session } | { kind: 'peer'; site: string } | { kind: 'anybody' }

/** The token of an Authorization header; undefined when there is none. */
export function tokenOf(request: FastifyRequest): string | undefined {
  return /^Bearer ([\w-]+)$/.exec(request.headers.authorization ?? '')?.[1]
}

/**
 * Lets a call pass, or throws `session-missing`, `session-expired`, `role-missing`, `peer-unknown`.
 * Known people and peers that are refused are recorded in the ledger; callers whom nobody knows go to the log only,
 * or anybody could fill the ledger.
 */
export async function authorise(guard: Guard, head: RouteHead, request: FastifyRequest): Promise<Caller> {
  if (head.access === 'public') return { kind: 'anybody' }
  if (head.access === 'peer') return authorisePeer(guard, head, request)
  const session = guard.sessions.authenticate(tokenOf(request))
  const allowed = head.access
  if (session.roles.some((role) => allowed.includes(role))) return { kind: 'person', session }
  const refusal = new HaetaeError('role-missing', `${head.method} ${head.path}`, {
    why: {
      en: `it needs ${allowed.join(' or ')}; ${session.principal} is ${session.roles.join(', ')}`,
      ko: `필요한 역할: ${allowed.join(', ')}. ${session.principal}의 역할: ${session.roles.join(', ')}`,
    },
  })
  await recordRefusal(guard, request, session.principal, refusal)
  throw refusal
}

async function authorisePeer(guard: Guard, head: RouteHead, request: FastifyRequest): Promise<Caller> {
  const socket = request.raw.socket as Partial<TLSSocket>
  const shown = socket.authorized === true ? socket.getPeerCertificate?.() : undefined
  const name = shown?.subject.CN
  const cn = Array.isArray(name) ? name[0] : name
  const site = cn?.startsWith('haetae-') === true ? cn.slice('haetae-'.length) : undefined
  if (site !== undefined && guard.peers.includes(site)) return { kind: 'peer', site }
  const refusal = new HaetaeError('peer-unknown', `${head.method} ${head.path}`, {
    why: cn === undefined ? 'no client certificate of our authority was shown' : `the certificate is ${cn}'s`,
  })
  if (cn !== undefined) await recordRefusal(guard, request, cn, refusal)
  throw refusal
}

/** A refusal stands even when it cannot be recorded. */
async function recordRefusal(
  guard: Guard,
  request: FastifyRequest,
  actor: string,
  refusal: HaetaeError,
): Promise<void> {
  try {
    await guard.record({
      kind: 'access.refused',
      actor,
      subject: `${request.method} ${request.url.split('?')[0] ?? ''}`,
      detail: { code: refusal.code, why: refusal.why ?? '' },
    })
  } catch (error) {
    request.log.error({ actor, code: refusal.code, why: messageOf(error) }, 'refusal could not be recorded')
  }
}
