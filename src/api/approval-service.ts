import type { Approvals } from '#approval/approvals.ts'
import type { GateStatus } from '#approval/counting.ts'
import type { ListedStatement } from '#approval/record.ts'
import { namespaceOf, scopeOf } from '#approval/statement.ts'
import { parseStatement } from '#approval/statement-schema.ts'
import { runGate, subjectGate, type Subject } from '#approval/subject.ts'
import { isHaetaeError } from '#model/errors.ts'
import { instant } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
import { readSignature } from '#platform/ssh.ts'
import type { GateView, StatementView } from './schema/approval.ts'
import type { ApprovalService } from './services.ts'

/** A run with its plan as what people sign over: for the port `Subjects` of approval/. */
export function subjectOf(run: { id: string; plan: Plan; requester: string; ended: boolean }): Subject {
  const { subject, digest } = run.plan
  return {
    run: run.id,
    planDigest: digest,
    requester: run.requester,
    ended: run.ended,
    ...scopeOf(subject),
    gates: subject.nodes.flatMap((node) => (node.gate === null ? [] : [subjectGate(node.id, node.gate)])),
  }
}

/**
 * The last signature of a take-over counts again when the daemon was killed before it ended the run: nobody else may be
 * there to sign. Throws the refusal otherwise.
 */
async function signedAlready(
  approvals: Approvals,
  run: string,
  statement: string,
  refusal: unknown,
): Promise<GateStatus> {
  if (!isHaetaeError(refusal, 'approved-already')) throw refusal
  const { purpose } = parseStatement(statement)
  if (purpose !== 'take-over') throw refusal
  const { subject } = await approvals.list(run)
  const status = await approvals.gateStatus(run, runGate(purpose), subject)
  if (subject.ended || status.state !== 'passed') throw refusal
  return status
}

/** What signatures set off in the engine. */
interface SetOff {
  /** A gate of the run may have passed. */
  changed(run: string): void
  /** Enough people have signed that the run is taken over. */
  takenOver(run: string, by: readonly string[], reason: string): Promise<void>
}

/** Approvals as the API shows them. */
export function approvalService(approvals: Approvals, engine: SetOff): ApprovalService {
  return {
    async list(run) {
      const { statements, gates } = await approvals.list(run)
      return { items: statements.map(statementView), gates: gates.map(gateView) }
    },
    async submit(run, signed, by) {
      const status = await approvals
        .submit(run, signed, by.principal)
        .catch((error: unknown) => signedAlready(approvals, run, signed.statement, error))
      if (status.purpose === 'take-over' && status.state === 'passed') {
        const by = status.given.map(({ principal }) => principal)
        await engine.takenOver(run, by, status.given.map(({ reason }) => reason).join('; '))
      }
      engine.changed(run)
      return gateView(status)
    },
  }
}

export function gateView(status: GateStatus): GateView {
  const { demand } = status
  return {
    gate: status.gate,
    purpose: status.purpose,
    state: status.state,
    quorum: status.quorum,
    given: status.given.map(givenView),
    brokenBy: status.brokenBy.map(givenView),
    refusedBy: status.refused.map((one) => one.principal),
    ignored: status.ignored,
    roles: [...demand.roles],
    keys: demand.keys,
    rules: demand.rules,
    policy: demand.policy,
  }
}

function givenView({ principal, receivedAt, expiresAt, reason }: GateStatus['given'][number]) {
  return { principal, reason, receivedAt: instant(receivedAt), expiresAt: instant(expiresAt) }
}

function statementView(one: ListedStatement): StatementView {
  const { statement } = one
  return {
    purpose: statement.purpose,
    gate: statement.gate,
    principal: statement.principal,
    decision: statement.decision,
    reason: statement.reason,
    sources: [...statement.sources],
    planDigest: statement.planDigest,
    receivedAt: instant(one.receivedAt),
    expiresAt: instant(one.expiresAt),
    ignored: one.ignored,
    signed: { statement: one.bytes, signature: one.signature },
    namespace: namespaceOf(statement.purpose),
    key: one.fingerprint,
    allowedSigner: `${statement.principal} namespaces="${namespaceOf(statement.purpose)}" ${readSignature(one.signature)?.publicKey ?? ''}`,
    hardware: one.hardware,
    rules: one.demanded === null ? null : [...one.demanded.rules],
    policy: one.demanded?.policy ?? null,
  }
}
