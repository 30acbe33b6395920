import type { Approvals } from '#approval/approvals.ts'
import { subjectGate, type GateStatus, type RecordedStatement, type Subject } from '#approval/rules.ts'
import type { ApprovalPolicy } from '#approval/policy.ts'
import { scopeOf } from '#approval/statement.ts'
import { instant } from '#model/time.ts'
import type { Plan } from '#plan/plan.ts'
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
  policy: ApprovalPolicy,
  changed: (run: string) => void = () => undefined,
): ApprovalService {
  return {
    async list(run) {
      const { statements, gates } = await approvals.list(run)
      return { items: statements.map(statementView), gates: gates.map((gate) => gateView(gate, policy)) }
    },
    async submit(run, signed, by) {
      const status = await approvals.submit(run, signed, by.principal)
      changed(run)
      return gateView(status, policy)
    },
  }
}

export function gateView(status: GateStatus, policy: ApprovalPolicy): GateView {
  return {
    gate: status.gate,
    purpose: status.purpose,
    state: status.state,
    quorum: status.quorum,
    given: status.given.map((one) => ({
      principal: one.principal,
      receivedAt: instant(one.receivedAt),
      expiresAt: instant(one.expiresAt),
    })),
    refusedBy: status.refused.map((one) => one.principal),
    roles: [...policy[status.purpose].roles],
  }
}

function statementView(one: RecordedStatement): StatementView {
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
    voided: one.voided,
  }
}
