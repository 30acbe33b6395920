import type { ErrorCode } from '#model/error-catalogue.ts'
import { rolesThatMay, type Role } from '#people/roles.ts'

/*
 * The outside of every route, as plain data: the client and the CLI import this without paying for zod.
 * contract.ts adds the shapes; a test holds the two equal.
 */

/**
 * Who may call a route: anybody (`public`), a peer site by its client certificate (`peer`),
 * or a session whose person has one of the roles.
 */
export type Access = 'public' | 'peer' | readonly Role[]

export interface RouteHead {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Parameters as `:name`. */
  readonly path: string
  readonly access: Access
  readonly summary: string
  /** Errors that a caller can meet beside those of every route (input-invalid, session-*, role-missing, defect). */
  readonly errors: readonly ErrorCode[]
  /** `stream`: server-sent events; `text`: not JSON. */
  readonly reply?: 'json' | 'stream' | 'text'
  /** A POST without `Idempotency-Key`: only where a repeated call can do no harm. */
  readonly withoutKey?: true
}

const read = rolesThatMay.read

/** Why there may be no plan, whatever it is for. */
const notPlanned = ['system-unknown', 'system-locked', 'plan-impossible'] as const
/** Why a signed request may not become a run. */
const notDeclared = [
  'plan-changed',
  'statement-invalid',
  'statement-spent',
  'key-unknown',
  'key-expired',
  'signature-invalid',
] as const

export const routes = {
  healthz: { method: 'GET', path: '/healthz', access: 'public', summary: 'The process answers', errors: [] },
  readyz: {
    method: 'GET',
    path: '/readyz',
    access: 'public',
    summary: 'What the daemon needs is there; 503 and the reasons when it is not',
    errors: [],
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    access: 'public',
    summary: 'Metrics for Prometheus',
    errors: [],
    reply: 'text',
  },
  openapi: { method: 'GET', path: '/openapi.json', access: 'public', summary: 'This contract', errors: [] },

  challenge: {
    method: 'POST',
    path: '/sessions/challenge',
    access: 'public',
    summary: 'A random challenge to sign; once, within a minute',
    errors: [],
    withoutKey: true,
  },
  signIn: {
    method: 'POST',
    path: '/sessions',
    access: 'public',
    summary: 'A signed challenge for a session of one hour',
    errors: ['challenge-unknown', 'key-unknown', 'key-expired', 'signature-invalid'],
    withoutKey: true,
  },
  whoAmI: { method: 'GET', path: '/sessions/me', access: read, summary: 'Whose session this is', errors: [] },
  signOut: { method: 'DELETE', path: '/sessions/me', access: read, summary: 'End the session', errors: [] },

  systemList: {
    method: 'GET',
    path: '/systems',
    access: read,
    summary: 'Registered systems with where they are active and how they are',
    errors: [],
  },
  systemShow: {
    method: 'GET',
    path: '/systems/:system',
    access: read,
    summary: 'One system: components, dependencies both ways, targets, authority, health',
    errors: ['system-unknown'],
  },
  siteList: {
    method: 'GET',
    path: '/sites',
    access: read,
    summary: 'Sites as this daemon sees them, with reasons and vantage points',
    errors: [],
  },
  runbookList: {
    method: 'GET',
    path: '/runbooks',
    access: read,
    summary: 'Runbooks of the catalogue',
    errors: [],
  },
  runbookShow: {
    method: 'GET',
    path: '/runbooks/:runbook',
    access: read,
    summary: 'One runbook with its steps',
    errors: ['runbook-unknown'],
  },

  planFailover: {
    method: 'POST',
    path: '/plans/failover',
    access: read,
    summary: 'A failover plan and the id that its run would have; nothing is stored or changed',
    errors: ['site-unknown', 'already-active', 'runbook-unknown', ...notPlanned],
    withoutKey: true,
  },
  declareFailover: {
    method: 'POST',
    path: '/runs',
    access: rolesThatMay.declare,
    summary: 'The signed request of a failover: creates the run, which waits for its approvals',
    errors: ['site-unknown', 'already-active', 'runbook-unknown', ...notPlanned, ...notDeclared],
  },
  planOperation: {
    method: 'POST',
    path: '/plans/operation',
    access: read,
    summary: 'A plan of a runbook for systems that stay where they are; nothing is stored or changed',
    errors: ['runbook-unknown', 'not-active-here', ...notPlanned],
    withoutKey: true,
  },
  declareOperation: {
    method: 'POST',
    path: '/runs/operation',
    access: rolesThatMay.declare,
    summary: 'The signed request of an operation: creates the run, which begins when its approvals are there',
    errors: ['runbook-unknown', 'not-active-here', ...notPlanned, ...notDeclared],
  },
  runList: {
    method: 'GET',
    path: '/runs',
    access: read,
    summary: 'Runs, newest first; the parts of fleets only when they are asked for',
    errors: [],
  },
  runShow: {
    method: 'GET',
    path: '/runs/:run',
    access: read,
    summary: 'One run: nodes, what each waits for, gates, times per system',
    errors: ['run-unknown'],
  },
  runPlan: {
    method: 'GET',
    path: '/runs/:run/plan',
    access: read,
    summary: 'The plan that the run executes',
    errors: ['run-unknown'],
  },
  runDrift: {
    method: 'GET',
    path: '/runs/:run/drift',
    access: read,
    summary: 'What has changed since the plan of a run was made; looks again, and changes nothing',
    errors: ['run-unknown', 'run-ended'],
  },
  runJournal: {
    method: 'GET',
    path: '/runs/:run/journal',
    access: read,
    summary: 'The journal of a run from a sequence number on',
    errors: ['run-unknown'],
  },
  runEvents: {
    method: 'GET',
    path: '/runs/:run/events',
    access: read,
    summary: 'The journal of a run as it grows, as server-sent events; resumable by seq',
    errors: ['run-unknown'],
    reply: 'stream',
  },
  runCancel: {
    method: 'POST',
    path: '/runs/:run/cancel',
    access: rolesThatMay.declare,
    summary: 'End a run where it stands; what was done stays done',
    errors: ['run-unknown', 'run-ended', 'verb-refused'],
  },
  runPause: {
    method: 'POST',
    path: '/runs/:run/pause',
    access: rolesThatMay.declare,
    summary: 'Begin nothing more; what is under way ends',
    errors: ['run-unknown', 'run-ended', 'verb-refused'],
  },
  runResume: {
    method: 'POST',
    path: '/runs/:run/resume',
    access: rolesThatMay.declare,
    summary: 'Let a paused run go on',
    errors: ['run-unknown', 'run-ended', 'verb-refused'],
  },
  runRollback: {
    method: 'POST',
    path: '/runs/:run/rollback',
    access: rolesThatMay.declare,
    summary: 'Take back what was done, the last first; what cannot be taken back is left and told',
    errors: ['run-unknown', 'run-ended', 'verb-refused'],
  },
  runSkip: {
    method: 'POST',
    path: '/runs/:run/skip',
    // A manual step is skipped by the role that it names, like its confirmation.
    access: rolesThatMay.read.filter((role) => role !== 'auditor'),
    summary: 'Leave out a step that waits or asks; what needs it goes on',
    errors: ['run-unknown', 'node-unknown', 'run-ended', 'verb-refused'],
  },
  runDecide: {
    method: 'POST',
    path: '/runs/:run/decide',
    // A manual step is confirmed by the role that it names: which one that is, the question says.
    access: rolesThatMay.read.filter((role) => role !== 'auditor'),
    summary: 'Answer the question that a run or one of its nodes waits with',
    errors: ['run-unknown', 'node-unknown', 'run-ended', 'nothing-to-decide'],
  },
  approvalList: {
    method: 'GET',
    path: '/runs/:run/approvals',
    access: read,
    summary: 'Statements on a run, and the state of its gates',
    errors: ['run-unknown'],
  },
  approve: {
    method: 'POST',
    path: '/runs/:run/approvals',
    access: rolesThatMay.sign,
    summary:
      'A signed approval or attestation, or a signature for a take-over, which ends the run when the last one is there',
    errors: [
      'run-unknown',
      'gate-unknown',
      'run-ended',
      'statement-invalid',
      'own-request',
      'approved-already',
      'statement-spent',
      'plan-changed',
      'role-missing',
      'key-unknown',
      'key-expired',
      'signature-invalid',
    ],
  },

  backupList: {
    method: 'GET',
    path: '/backups',
    access: read,
    summary: 'Copies: what can be restored, where it is, whether it was verified',
    errors: [],
  },
  backupLog: {
    method: 'GET',
    path: '/backups/log',
    access: read,
    summary: 'What was due, what ran, what did not and why',
    errors: ['system-unknown'],
  },
  findingList: { method: 'GET', path: '/findings', access: read, summary: 'Findings', errors: [] },
  configShow: {
    method: 'GET',
    path: '/config',
    access: read,
    summary: 'The configuration in force, secrets hidden',
    errors: [],
  },

  peerStatus: {
    method: 'GET',
    path: '/peer/status',
    access: 'peer',
    summary: 'Liveness of this site for its peer',
    errors: ['peer-unknown'],
  },
  peerAuthority: {
    method: 'GET',
    path: '/peer/authority',
    access: 'peer',
    summary: 'Epochs that this site knows, for its peer',
    errors: ['peer-unknown'],
  },
} as const satisfies Record<string, RouteHead>

export type RouteName = keyof typeof routes

/** The head of a route under its general type. */
export function routeHead(name: RouteName): RouteHead {
  return routes[name]
}
