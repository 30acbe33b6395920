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
  const signed = [...statement.scope.systems].sort().join(',')
  const planned = [...target.systems].sort().join(',')
  if (statement.scope.site === target.site && signed === planned) return
  throw new HaetaeError('statement-invalid', 'the statement', {
    where: 'scope',
    why: `signed was ${statement.scope.site} [${signed}], the plan is about ${target.site} [${planned}]`,
  })
}

export function otherRun(statement: Statement, run: string): HaetaeError {
  const why = `it is about ${statement.run}, and was sent for ${run}`
  return new HaetaeError('statement-invalid', 'the statement', { where: 'run', why })
}

/** A recorded attestation in the form that a fence needs. */
export function attestationOf(one: RecordedStatement): Attestation {
  return {
    id: one.id,
    principal: one.statement.principal,
    site: one.statement.scope.site,
    systems: one.statement.scope.systems,
    sources: one.statement.sources,
    receivedAt: instant(one.receivedAt),
    expiresAt: instant(one.expiresAt),
    statementDigest: digestOf(one.statement),
  }
}
