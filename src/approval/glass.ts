import type { FindingSeen } from '#finding/finding.ts'
import { instant } from '#model/time.ts'
import type { Queryable } from '#platform/postgres/transaction.ts'
import { glassBroken, type Counting, type GateStatus } from './counting.ts'
import type { Subject } from './subject.ts'

/** Rule of the finding that a broken glass leaves until two people have reviewed it. Its subject is the run. */
const glassRule = 'break-glass'

/** Findings, written in the transaction of what they are about: finding/store.ts. */
export interface OpenFindings {
  report(seen: FindingSeen, actor: string, tx: Queryable): Promise<void>
  close(rule: string, subject: string, at: string, actor: string, why: string, tx: Queryable): Promise<void>
}

/** Opens the finding of a broken glass, or adds to it. */
export async function afterBreaking(
  tx: Queryable,
  findings: OpenFindings,
  subject: Subject,
  status: GateStatus,
  { recorded, now }: Counting,
): Promise<void> {
  const broken = glassBroken(recorded).map(({ statement, receivedAt }) => ({
    by: statement.principal,
    gate: statement.gate,
    reason: statement.reason,
    at: instant(receivedAt),
  }))
  const { run, site, systems } = subject
  const names = [...new Set(broken.map(({ by }) => by))].join(', ')
  const { given, quorum } = status
  const seen: FindingSeen = {
    rule: glassRule,
    subject: run,
    severity: 'critical',
    message: {
      ko: `${names}이(가) ${quorum}명 중 ${given.length}명만 승인한 실행 ${run}을(를) 긴급 승인했습니다. 다른 두 사람의 사후 검토가 필요합니다: haetae review ${run}`,
      en: `${names} broke the glass of run ${run}, with ${given.length} of ${quorum} approvals; two others have to review it: haetae review ${run}`,
    },
    facts: { site, systems: [...systems], broken },
    since: instant(now),
  }
  await findings.report(seen, names, tx)
}

/** Closes the finding once enough people, none of them who broke it, have reviewed it without a no. */
export async function afterReview(
  tx: Queryable,
  findings: OpenFindings,
  { run }: Subject,
  status: GateStatus,
  { now }: Counting,
): Promise<void> {
  if (status.state !== 'passed') return
  const people = status.given.map(({ principal }) => principal).join(', ')
  await findings.close(glassRule, run, instant(now), people, `reviewed by ${people}`, tx)
}
