import type { Verb } from '#engine/state/refusal.ts'
import type { Session } from '#people/sessions.ts'
import type { Listed, Page } from './schema/common.ts'
import type { QueryOf } from './contract.ts'
import type { BackupLogEntry, BackupLogQuery, BackupQuery, CopyView, FindingView } from './schema/backup.ts'
import type { RunbookDetail, RunbookSummary, SiteView, SystemDetail, SystemSummary } from './schema/estate.ts'
import type { GateView, StatementView } from './schema/approval.ts'
import type { RunDrift } from './schema/plan.ts'
import type { Decision, Draft, FailoverRequest, OperationRequest, Signed } from './schema/request.ts'
import type { JournalEntry, RunDetail, RunSummary } from './schema/run.ts'
import type { Check, PeerAuthority, PeerStatus } from './schema/service.ts'
import type { Plan } from '#plan/plan.ts'

/*
 * What the API stands on: ports that daemon/ fills from the rooms. Every method throws HaetaeError
 * for what a caller can meet (`system-unknown`, `run-unknown`, …); anything else becomes a `defect`.
 */

export interface EstateService {
  systems(page: Page): Promise<Listed<SystemSummary>>
  /** Throws `system-unknown`. */
  system(id: string): Promise<SystemDetail>
  sites(): Promise<SiteView[]>
  runbooks(): Promise<RunbookSummary[]>
  /** Throws `runbook-unknown`. */
  runbook(name: string): Promise<RunbookDetail>
}

/** Requests of runs of one mode. */
export interface RequestService<Request> {
  /** Plans, stores nothing. Throws the errors of the route `planFailover` or `planOperation`. */
  plan(request: Request): Promise<Draft>
  /**
   * Plans again, checks that the signed digest is the plan's (`plan-changed`), verifies the declaration
   * (approval/ `declare`), creates the run and takes its locks, all in one transaction. A second call with the
   * same run id by the same person returns the run.
   */
  declare(request: Request & { run: string; declaration: Signed }, by: Session): Promise<RunDetail>
}

export interface RunService {
  list(query: QueryOf<'runList'>): Promise<Listed<RunSummary>>
  /** Throws `run-unknown`, as do the others. */
  show(id: string): Promise<RunDetail>
  plan(id: string): Promise<Plan>
  /**
   * Entries with `seq > after` in order, at most `limit`, and the run's state as of then.
   * The live stream reads this after each `changed`, so it must be cheap.
   */
  journal(id: string, after: number, limit: number): Promise<{ items: JournalEntry[]; state: string }>
  /** Resolves when the run has an entry above `after`, at the latest when the signal aborts. */
  changed(id: string, after: number, signal: AbortSignal): Promise<void>
  /** Throws `run-ended`, `verb-refused`. */
  ask(id: string, verb: Verb, by: Session): Promise<void>
  /** Throws `run-ended`, `nothing-to-decide`. */
  decide(id: string, decision: Decision, by: Session): Promise<void>
}

export interface ApprovalService {
  list(run: string): Promise<{ items: StatementView[]; gates: GateView[] }>
  /** Verifies and records a signed approval or attestation; throws the errors of the route `approve`. */
  submit(run: string, signed: Signed, by: Session): Promise<GateView>
}

export interface BackupService {
  copies(query: BackupQuery): Promise<Listed<CopyView>>
  log(query: BackupLogQuery): Promise<Listed<BackupLogEntry>>
}

export interface FindingService {
  list(query: QueryOf<'findingList'>): Promise<Listed<FindingView>>
}

export interface DaemonService {
  readonly site: string
  readonly version: string
  /** Checks of `/readyz`: all are told, PostgreSQL alone decides (nothing else is needed for a failover). Never throws. */
  ready(): Promise<{ ready: boolean; checks: Check[] }>
  /** Prometheus text of `/metrics`. */
  metrics(): Promise<string>
  /** The configuration in force, secrets hidden. */
  config(): Record<string, unknown>
}

export interface PeerService {
  status(): Promise<PeerStatus>
  authority(site: string | undefined): Promise<PeerAuthority>
  /** Names of the configured peers: their client certificates carry the CN `haetae-SITE`. */
  readonly sites: readonly string[]
}

export interface DriftService {
  /** Throws `run-unknown`, `run-ended`. */
  drift(run: string): Promise<RunDrift>
}

export interface Services {
  drifts: DriftService
  estate: EstateService
  failover: RequestService<FailoverRequest>
  operations: RequestService<OperationRequest>
  runs: RunService
  approvals: ApprovalService
  backups: BackupService
  findings: FindingService
  daemon: DaemonService
  peer: PeerService
}
