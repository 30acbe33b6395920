import type { Pool } from 'pg'
import { appendToLedger } from '#ledger/ledger.ts'
import { digestOf } from '#model/digest.ts'
import { HaetaeError, isHaetaeError } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import type { Roster } from '#people/roster.ts'
import { proveSigner } from '#people/signatures.ts'
import { transaction } from '#platform/postgres/transaction.ts'
import type { ApprovalPolicy } from './policy.ts'
import {
  admit,
  counts,
  expiryOf,
  refuseRole,
  statusOf,
  subjectGate,
  type GateStatus,
  type PlanGate,
  type RecordedStatement,
  type Subject,
  type SubjectGate,
} from './rules.ts'
import {
  attestationOf,
  entryOf,
  insertOnce,
  otherRun,
  refuseOtherTarget,
  whyVoid,
  type Attestation,
  type DeclarationTarget,
} from './receipt.ts'
import { namespaceOf, type Statement } from './statement.ts'
import { parseStatement } from './statement-schema.ts'
import { lockStatements, statementsOf, voidEarlier, type Received } from './store.ts'

/** Where runs are known: the engine, wired by daemon. */
export interface Subjects {
  /** The run with its plan's gates; undefined when there is none. */
  find(run: string): Promise<Subject | undefined>
}

export interface ApprovalsOptions {
  pool: Pool
  roster: Roster
  policy: ApprovalPolicy
  clock: Pick<Clock, 'now'>
  subjects: Subjects
}

/** A statement as it was sent: the exact bytes that were signed, and the armored signature. */
export interface SignedStatement {
  statement: string
  signature: string
}

/**
 * Statements of people over plans: received, proven, admitted, recorded. Every acceptance and every refusal is
 * in the ledger, an acceptance in the same transaction as the statement.
 */
export class Approvals {
  readonly #options: ApprovalsOptions

  constructor(options: ApprovalsOptions) {
    this.#options = options
  }

  /**
   * Receives an approval or attestation of a run. `sentBy` is whose session brought it: a courier may, the
   * signature says who decides. Throws what `parseStatement`, `proveSigner` and `admit` throw, and `run-unknown`.
   */
  async submit(run: string, signed: SignedStatement, sentBy: string): Promise<GateStatus> {
    return this.#recordingRefusals(run, signed, sentBy, async () => {
      const { subjects, clock, policy, pool } = this.#options
      const subject = await subjects.find(run)
      if (subject === undefined) throw new HaetaeError('run-unknown', `run ${run}`)
      const statement = parseStatement(signed.statement)
      if (statement.run !== run) throw otherRun(statement, run)
      if (statement.purpose === 'declare') {
        throw new HaetaeError('statement-invalid', 'the statement', {
          where: 'purpose',
          why: 'the run is declared',
        })
      }
      const now = clock.now()
      const signer = await this.#prove(statement, signed, now)
      const rule = policy[statement.purpose]
      return transaction(pool, async (tx) => {
        await lockStatements(tx, run)
        const gate = admit(statement, signer.principal, subject, rule, await statementsOf(tx, run), now)
        const why = `${signer.principal.id} signed anew at ${instant(now)}`
        await voidEarlier(tx, statement, why, now)
        const received: Received = {
          statement,
          bytes: signed.statement,
          signature: signed.signature,
          fingerprint: signer.key.fingerprint,
          receivedAt: now,
          expiresAt: expiryOf(statement, rule, now),
        }
        await insertOnce(tx, received)
        await appendToLedger(tx, entryOf('approval.given', received, sentBy))
        return statusOf(gate, subject, rule, await statementsOf(tx, run), now)
      })
    })
  }

  /**
   * Receives the signed request of a run, before the run exists. The same declaration again is accepted and changes
   * nothing. Returns who requested it. Throws `statement-invalid`, `plan-changed`, `role-missing`, the errors of
   * `proveSigner`, and `run-exists` when the run was declared otherwise.
   */
  async declare(target: DeclarationTarget, signed: SignedStatement, sentBy: string): Promise<Statement> {
    return this.#recordingRefusals(target.run, signed, sentBy, async () => {
      const { clock, policy, pool } = this.#options
      const statement = parseStatement(signed.statement)
      refuseOtherTarget(statement, target)
      const now = clock.now()
      const signer = await this.#prove(statement, signed, now)
      refuseRole(signer.principal, 'declare', policy.declare)
      await transaction(pool, async (tx) => {
        await lockStatements(tx, target.run)
        const earlier = (await statementsOf(tx, target.run)).find(
          (one) => one.statement.purpose === 'declare',
        )
        if (earlier !== undefined) {
          if (digestOf(earlier.statement) === digestOf(statement)) return
          throw new HaetaeError('run-exists', `run ${target.run}`, {
            why: 'it was declared by another statement',
          })
        }
        const received: Received = {
          statement,
          bytes: signed.statement,
          signature: signed.signature,
          fingerprint: signer.key.fingerprint,
          receivedAt: now,
          expiresAt: expiryOf(statement, policy.declare, now),
        }
        await insertOnce(tx, received)
        await appendToLedger(tx, entryOf('approval.declared', received, sentBy))
      })
      return statement
    })
  }

  /** Everything signed over a run, in order of receipt; what no longer counts says why. Throws `run-unknown`. */
  async list(
    run: string,
  ): Promise<{ statements: RecordedStatement[]; gates: GateStatus[]; subject: Subject }> {
    const { subjects, clock, pool, policy } = this.#options
    const subject = await subjects.find(run)
    if (subject === undefined) throw new HaetaeError('run-unknown', `run ${run}`)
    const now = clock.now()
    const recorded = await statementsOf(pool, run)
    return {
      subject,
      statements: recorded.map((one) => ({ ...one, voided: whyVoid(one, subject, now) })),
      gates: subject.gates.map((gate) => statusOf(gate, subject, policy[gate.purpose], recorded, now)),
    }
  }

  /** Where a gate stands now: statements over another digest or of the requester do not count. */
  async gateStatus(
    run: string,
    gate: SubjectGate,
    about: Pick<Subject, 'planDigest' | 'requester'>,
  ): Promise<GateStatus> {
    const { pool, policy, clock } = this.#options
    return statusOf(gate, about, policy[gate.purpose], await statementsOf(pool, run), clock.now())
  }

  /** The same in the engine's words: its port `Approvals`. */
  async at(request: {
    runId: string
    planDigest: string
    requester: string
    node: string
    gate: PlanGate
  }): Promise<{ granted: string[]; rejected: { by: string; reason: string }[] }> {
    const gate = subjectGate(request.node, request.gate)
    const status = await this.gateStatus(request.runId, gate, request)
    const granted = status.given.map((one) => one.principal)
    // The engine counts by the plan's quorum. Where policy asks for more, it must not get there too early.
    const shown = status.state === 'passed' ? granted : granted.slice(0, Math.max(0, request.gate.quorum - 1))
    return {
      granted: shown,
      rejected: status.refused.map((one) => ({ by: one.principal, reason: one.reason })),
    }
  }

  /** The attestations of a run that count now, for the fence that rests on them. Empty for an unknown run. */
  async forRun(run: string): Promise<Attestation[]> {
    const { subjects, clock, pool } = this.#options
    const subject = await subjects.find(run)
    if (subject === undefined) return []
    const now = clock.now()
    return (await statementsOf(pool, run))
      .filter((one) => one.statement.purpose === 'attest' && one.statement.decision === 'yes')
      .filter((one) => one.statement.principal !== subject.requester && counts(one, subject, now))
      .map(attestationOf)
  }

  #prove(statement: Statement, signed: SignedStatement, now: number) {
    return proveSigner(
      this.#options.roster,
      {
        namespace: namespaceOf(statement.purpose),
        bytes: signed.statement,
        signature: signed.signature,
        principal: statement.principal,
      },
      now,
    )
  }

  async #recordingRefusals<T>(
    run: string,
    signed: SignedStatement,
    sentBy: string,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (isHaetaeError(error)) {
        await transaction(this.#options.pool, (tx) =>
          appendToLedger(tx, {
            kind: 'approval.refused',
            actor: sentBy,
            subject: `run/${run}`,
            at: instant(this.#options.clock.now()),
            data: { code: error.code, why: error.why ?? error.what, statement: digestOf(signed.statement) },
          }),
        )
      }
      throw error
    }
  }
}
