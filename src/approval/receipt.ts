import { scopeText, signedScope } from './statement.ts'
import type { LedgerEntry } from '#ledger/ledger.ts'
import { digestOf } from '#model/digest.ts'
import { HaetaeError } from '#model/errors.ts'
import { instant } from '#model/time.ts'
import type { Queryable } from '#platform/postgres/transaction.ts'
import { planChanged } from './rules.ts'
import type { Statement } from './statement.ts'
import { insertStatement, type Received } from './store.ts'
import type { RecordedStatement, Subject } from './subject.ts'

/** An attestation that counts, in the form that a fence needs. */
export interface Attestation {
  id: string
  principal: string
  site: string
  systems: readonly string[]
  sources: readonly string[]
  receivedAt: string
  expiresAt: string
  statementDigest: string
}

/** What a declaration has to be about. */
export type DeclarationTarget = Pick<Subject, 'run' | 'planDigest' | 'site' | 'systems'>

/** The ledger's entry of a statement that was accepted. */
export function entryOf(
  kind: 'approval.declared' | 'approval.given' | 'approval.glass-broken',
  received: Received,
  sentBy: string,
): LedgerEntry {
  const { statement } = received
  return {
    kind,
    actor: statement.principal,
    subject: `run/${statement.run}`,
    at: instant(received.receivedAt),
    data: {
      statement: received.bytes,
      signature: received.signature,
      key: received.fingerprint,
      expiresAt: instant(received.expiresAt),
      sentBy,
      demanded: received.demanded === null ? null : { ...received.demanded },
      ...(received.hardware === null ? {} : { hardware: { ...received.hardware } }),
    },
  }
}

/** Stores a statement; a race that the index lost is `approved-already`. */
export async function insertOnce(tx: Queryable, received: Received): Promise<void> {
  try {
    await insertStatement(tx, received)
  } catch (cause) {
    if ((cause as { code?: string }).code !== '23505') throw cause
    const { statement } = received
    throw new HaetaeError('approved-already', `${statement.principal} on run ${statement.run}`, {
      why: 'the same was received at this moment',
      cause,
    })
  }
}

/** Throws `statement-invalid` or `plan-changed` when a declaration is about something else. */
export function refuseOtherTarget(statement: Statement, target: DeclarationTarget): void {
  if (statement.purpose !== 'declare') {
    throw new HaetaeError('statement-invalid', 'the statement', {
      where: 'purpose',
      why: `a declaration is needed, this is ${statement.purpose}`,
    })
  }
  if (statement.run !== target.run) throw otherRun(statement, target.run)
  if (statement.planDigest !== target.planDigest) throw planChanged(statement, target)
  const planned = signedScope(target)
  if (digestOf(statement.scope) === digestOf(planned)) return
  throw new HaetaeError('statement-invalid', 'the statement', {
    where: 'scope',
    why: `signed was ${scopeText(statement.scope)}, the plan is about ${scopeText(planned)}`,
  })
}

/** Throws `statement-invalid` for what was signed for another installation, such as a rehearsal with the same roster. */
export function refuseOtherInstallation(statement: Statement, installation: string): void {
  if (statement.installation === installation) return
  throw new HaetaeError('statement-invalid', 'the statement', {
    where: 'installation',
    why: {
      en: `it was signed for the installation ${statement.installation}, this one is ${installation}`,
      ko: `${statement.installation} 설비에 대한 서명입니다. 이 설비는 ${installation}입니다`,
    },
    facts: { signed: statement.installation, installation },
  })
}

export function otherRun(statement: Statement, run: string): HaetaeError {
  const why = `it is about ${statement.run}, and was sent for ${run}`
  return new HaetaeError('statement-invalid', 'the statement', { where: 'run', why })
}

/** A recorded attestation in the form that a fence needs. */
export function attestationOf(one: RecordedStatement, systems: readonly string[]): Attestation {
  return {
    id: one.id,
    principal: one.statement.principal,
    site: one.statement.scope.site,
    systems,
    sources: one.statement.sources,
    receivedAt: instant(one.receivedAt),
    expiresAt: instant(one.expiresAt),
    statementDigest: digestOf(one.statement),
  }
}
