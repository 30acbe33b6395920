import type { Approvals } from '#approval/approvals.ts'
import type { GateStatus } from '#approval/counting.ts'
import type { ListedStatement } from '#approval/record.ts'
import { namespaceOf, scopeOf } from '#approval/statement.ts'
import { subjectGate, type Subject } from '#approval/subject.ts'
import { instant } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
import { readSignature } from '#platform/ssh.ts'
import type { GateView, StatementView } from './schema/run.ts'
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

/** Approvals as the API shows them. `changed` is told of every signature, so that the engine looks at its gates. */
export function approvalService(
  approvals: Approvals,
  changed: (run: string) => void = () => undefined,
): ApprovalService {
  return {
    async list(run) {
      const { statements, gates } = await approvals.list(run)
      return { items: statements.map(statementView), gates: gates.map(gateView) }
    },
    async submit(run, signed, by) {
      const status = await approvals.submit(run, signed, by.principal)
      changed(run)
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
