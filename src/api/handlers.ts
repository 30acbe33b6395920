import { instant } from '#model/time.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Session, Sessions } from '#people/sessions.ts'
import type { Clock } from '#model/time.ts'
import type { BodyOf, ParamsOf, QueryOf, ReplyOf } from './contract.ts'
import { openapi } from './openapi.ts'
import type { RouteName } from './routes.ts'
import type { RunService, Services } from './services.ts'

/** What a handler gets: the checked parts of the request, and who calls. */
export interface Call<N extends RouteName> {
  params: ParamsOf<N>
  query: QueryOf<N>
  body: BodyOf<N>
  /** The caller's session; throws on a public or peer route. */
  session: () => Session
  token: string | undefined
}

/** Routes that answer with one JSON value; streams and texts are registered apart. */
export type JsonRoute = Exclude<RouteName, 'metrics' | 'runEvents' | 'readyz'>
export type Handlers = { [N in JsonRoute]: (call: Call<N>) => Promise<ReplyOf<N>> }

export function handlersOf(services: Services, sessions: Sessions, clock: Pick<Clock, 'now'>): Handlers {
  const { drifts, estate, failover, operations, runs, approvals, backups, findings, daemon, peer } = services
  const whole = <T>(items: T[]) => ({ items, next: null })
  return {
    healthz: async () => ({
      alive: true,
      site: daemon.site,
      version: daemon.version,
      now: instant(clock.now()),
    }),
    openapi: async () => openapi(daemon.version),
    ...sessionHandlers(sessions, daemon.site),

    systemList: ({ query }) => estate.systems(query),
    systemShow: ({ params }) => estate.system(params.system),
    siteList: async () => whole(await estate.sites()),
    runbookList: async () => whole(await estate.runbooks()),
    runbookShow: ({ params }) => estate.runbook(params.runbook),

    planFailover: ({ body }) => failover.plan(body),
    declareFailover: ({ body, session }) => failover.declare(body, session()),
    planOperation: ({ body }) => operations.plan(body),
    declareOperation: ({ body, session }) => operations.declare(body, session()),
    runList: ({ query }) => runs.list(query),
    runShow: ({ params }) => runs.show(params.run),
    runPlan: async ({ params }) => ({ plan: await runs.plan(params.run) }),
    runDrift: ({ params }) => drifts.drift(params.run),
    runJournal: async ({ params, query }) => {
      const { items, state } = await runs.journal(params.run, query.after, query.limit)
      const last = items.at(-1)
      return { items, state, next: items.length < query.limit || !last ? null : String(last.seq) }
    },
    ...verbHandlers(runs),
    runSkip: async ({ params, body, session }) => {
      await runs.ask(params.run, { verb: 'skip', ...body }, session())
      return { accepted: true }
    },
    runDecide: async ({ params, body, session }) => {
      await runs.decide(params.run, body, session())
      return { accepted: true }
    },
    approvalList: ({ params }) => approvals.list(params.run),
    approve: async ({ params, body, session }) => ({
      gate: await approvals.submit(params.run, body, session()),
    }),

    backupList: ({ query }) => backups.copies(query),
    backupLog: ({ query }) => backups.log(query),
    findingList: ({ query }) => findings.list(query),
    configShow: async () => ({ config: daemon.config() }),
    peerStatus: () => peer.status(),
    peerAuthority: ({ query }) => peer.authority(query.site),
  }
}

type VerbRoute = 'runPause' | 'runResume' | 'runCancel' | 'runRollback'

/** What people ask of a run as a whole: on record when it is answered, done when the run's holder has seen it. */
function verbHandlers(runs: RunService): Pick<Handlers, VerbRoute> {
  const ask =
    (verb: 'pause' | 'resume' | 'cancel' | 'rollback') =>
    async ({ params, body, session }: Call<VerbRoute>) => {
      await runs.ask(params.run, { verb, reason: body.reason }, session())
      return { accepted: true as const }
    }
  return {
    runPause: ask('pause'),
    runResume: ask('resume'),
    runCancel: ask('cancel'),
    runRollback: ask('rollback'),
  }
}

function sessionHandlers(
  sessions: Sessions,
  site: string,
): Pick<Handlers, 'challenge' | 'signIn' | 'whoAmI' | 'signOut'> {
  const shown = (session: Session) => ({
    principal: session.principal,
    roles: [...session.roles],
    site,
    expiresAt: instant(session.expiresAt),
  })
  return {
    challenge: async () => sessions.challenge(),
    signIn: async ({ body }) => {
      const { token, session } = await sessions.signIn(body)
      return { token, ...shown(session) }
    },
    whoAmI: async ({ session }) => shown(session()),
    signOut: async ({ token }) => {
      if (token === undefined) throw new HaetaeError('session-missing', 'this call')
      sessions.signOut(token)
      return { ended: true }
    },
  }
}
