import { z } from 'zod'
import type { RouteName } from './routes.ts'
import * as backup from './schema/backup.ts'
import { listOf, numberedPage, page, runId, seq, siteId, systemId } from './schema/common.ts'
import * as estate from './schema/estate.ts'
import * as approval from './schema/approval.ts'
import * as plan from './schema/plan.ts'
import * as request from './schema/request.ts'
import * as run from './schema/run.ts'
import * as service from './schema/service.ts'

/** The shapes of one route: path parameters, query, body, reply. `empty` where there are none. */
export interface RouteShape {
  readonly params: z.ZodType
  readonly query: z.ZodType
  readonly body: z.ZodType
  readonly reply: z.ZodType
}

const empty = z.object({})
const base = { params: empty, query: empty, body: z.undefined().or(empty) }
const accepted = z.object({ accepted: z.literal(true) })
const ofRun = { ...base, params: z.object({ run: runId }) }

/**
 * The contract of the API, one entry a route of routes.ts. The server registers and checks routes from it,
 * the client infers its types from it, OpenAPI is made of it.
 */
export const contract = {
  healthz: { ...base, reply: service.healthReply },
  readyz: { ...base, reply: service.readyReply },
  metrics: { ...base, reply: z.string() },
  openapi: { ...base, reply: z.record(z.string(), z.unknown()) },

  challenge: { ...base, reply: service.challengeReply },
  signIn: { ...base, body: service.signInBody, reply: service.sessionReply },
  whoAmI: { ...base, reply: service.whoAmIReply },
  signOut: { ...base, reply: z.object({ ended: z.literal(true) }) },

  systemList: { ...base, query: page, reply: listOf(estate.systemSummary) },
  systemShow: { ...base, params: z.object({ system: systemId }), reply: estate.systemDetail },
  siteList: { ...base, query: page, reply: listOf(estate.siteView) },
  runbookList: { ...base, query: page, reply: listOf(estate.runbookSummary) },
  runbookShow: { ...base, params: z.object({ runbook: z.string().max(100) }), reply: estate.runbookDetail },

  planFailover: { ...base, body: request.failoverRequest, reply: request.draft },
  declareFailover: { ...base, body: request.failoverDeclaration, reply: run.runDetail },
  planOperation: { ...base, body: request.operationRequest, reply: request.draft },
  declareOperation: { ...base, body: request.operationDeclaration, reply: run.runDetail },
  runList: {
    ...base,
    query: page.extend({
      active: z.stringbool().optional(),
      system: systemId.optional(),
      parent: runId.optional(),
      parts: z.stringbool().optional(),
    }),
    reply: listOf(run.runSummary),
  },
  runShow: { ...ofRun, reply: run.runDetail },
  runDrift: { ...ofRun, reply: plan.runDrift },
  runPlan: { ...ofRun, reply: z.object({ plan: plan.plan }) },
  runJournal: {
    ...ofRun,
    query: z.object({
      /** Entries with a greater sequence number. */
      after: seq.default(0),
      limit: z.coerce.number().int().min(1).max(1000).default(200),
    }),
    reply: z.object({ items: z.array(run.journalEntry), state: z.string(), next: z.string().nullable() }),
  },
  runEvents: {
    ...ofRun,
    /** The first sequence number that is wanted; `Last-Event-ID` (the last one seen) does the same. */
    query: z.object({ from: seq.default(0) }),
    reply: run.journalEntry,
  },
  runCancel: { ...ofRun, body: request.why, reply: accepted },
  runPause: { ...ofRun, body: request.why, reply: accepted },
  runResume: { ...ofRun, body: request.why, reply: accepted },
  runRollback: { ...ofRun, body: request.why, reply: accepted },
  runSkip: { ...ofRun, body: request.skip, reply: accepted },
  runDecide: { ...ofRun, body: request.decision, reply: accepted },
  approvalList: {
    ...ofRun,
    reply: z.object({ items: z.array(approval.statementView), gates: z.array(approval.gateView) }),
  },
  approve: { ...ofRun, body: request.signed, reply: z.object({ gate: approval.gateView }) },

  backupList: { ...base, query: backup.backupQuery, reply: listOf(backup.copyView) },
  backupLog: { ...base, query: backup.backupLogQuery, reply: listOf(backup.backupLogEntry) },
  findingList: {
    ...base,
    query: numberedPage.extend({ state: z.enum(['open', 'accepted', 'closed']).optional() }),
    reply: listOf(backup.findingView),
  },
  configShow: { ...base, reply: z.object({ config: z.record(z.string(), z.unknown()) }) },

  peerStatus: { ...base, reply: service.peerStatus },
  peerAuthority: { ...base, query: z.object({ site: siteId.optional() }), reply: service.peerAuthority },
} as const satisfies Record<RouteName, RouteShape>

export type Contract = typeof contract
export type ReplyOf<N extends RouteName> = z.output<Contract[N]['reply']>
export type ParamsOf<N extends RouteName> = z.output<Contract[N]['params']>
/** As the server sees it, defaults filled in. */
export type QueryOf<N extends RouteName> = z.output<Contract[N]['query']>
export type BodyOf<N extends RouteName> = z.output<Contract[N]['body']>
/** As a caller gives it. */
export type QueryInputOf<N extends RouteName> = z.input<Contract[N]['query']>
export type BodyInputOf<N extends RouteName> = z.input<Contract[N]['body']>
