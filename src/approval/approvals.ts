import { appendToLedger } from '#ledger/ledger.ts'
import { digestOf } from '#model/digest.ts'
import { HaetaeError, isHaetaeError } from '#model/errors.ts'
import { instant } from '#model/time.ts'
import { proveSigner, type Signer } from '#people/signatures.ts'
import { transaction } from '#platform/postgres/transaction.ts'
import { expired, statusOf, type GateStatus } from './counting.ts'
import { afterBreaking, afterReview, type OpenFindings } from './glass.ts'
import type { Demand } from './policy.ts'
import {
  entryOf,
  insertOnce,
  otherRun,
  refuseOtherTarget,
  type DeclarationTarget,
  refuseOtherInstallation,
} from './receipt.ts'
import { ApprovalRecord, type RecordOptions } from './record.ts'
import { admit, expiryOf, refuseSigner, spent } from './rules.ts'
import { namespaceOf, type Statement } from './statement.ts'
import { parseStatement } from './statement-schema.ts'
import { lockStatements, statementsOf, voidEarlier, type Received } from './store.ts'
import { recordVoiding, type Voiding } from './voiding.ts'

export interface ApprovalsOptions extends RecordOptions {
  /** Where a broken glass stands open until it was reviewed. */
  findings: OpenFindings
  /** The name of this installation: what was signed for another one is refused. */
  installation: string
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
export class Approvals extends ApprovalRecord {
  readonly #options: ApprovalsOptions

  constructor(options: ApprovalsOptions) {
    super(options)
    this.#options = options
  }

  /**
   * Receives what somebody signed over a run: anything but its declaration. `sentBy` is whose session brought it: a
   * courier may, the signature says who decides. Throws what `parseStatement`, `proveSigner` and `admit` throw, and
   * `run-unknown`.
   */
  async submit(run: string, signed: SignedStatement, sentBy: string): Promise<GateStatus> {
    return this.#recordingRefusals(run, signed, sentBy, async () => {
      const { clock, pool, findings } = this.#options
      const subject = await this.subject(run)
      const statement = parseStatement(signed.statement)
      refuseOtherInstallation(statement, this.#options.installation)
      if (statement.run !== run) throw otherRun(statement, run)
      if (statement.purpose === 'declare') {
        throw new HaetaeError('statement-invalid', 'the statement', {
          where: 'purpose',
          why: 'the run is declared',
        })
      }
      const now = clock.now()
      const signer = await this.#prove(statement, signed, now)
      return transaction(pool, async (tx) => {
        await lockStatements(tx, run)
        const before = this.counting(subject, await statementsOf(tx, run))
        const gate = admit(statement, signer, subject, before)
        await voidEarlier(tx, statement, now)
        const demand = before.demand(statement.purpose)
        const received = receivedOf(statement, signed, signer, demand, now)
        await insertOnce(tx, received)
        const glass = statement.purpose === 'break-glass'
        await appendToLedger(
          tx,
          entryOf(glass ? 'approval.glass-broken' : 'approval.given', received, sentBy),
        )
        const after = this.counting(subject, await statementsOf(tx, run))
        const status = statusOf(gate, after)
        if (glass) await afterBreaking(tx, findings, subject, status, after)
        if (statement.purpose === 'review') await afterReview(tx, findings, subject, status, after)
        return status
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
      const { clock, pool, subjects } = this.#options
      const statement = parseStatement(signed.statement)
      refuseOtherInstallation(statement, this.#options.installation)
      refuseOtherTarget(statement, target)
      const now = clock.now()
      const signer = await this.#prove(statement, signed, now)
      const demand = this.demand('declare', target.systems)
      refuseSigner(signer, 'declare', demand)
      await transaction(pool, async (tx) => {
        await lockStatements(tx, target.run)
        const earlier = (await statementsOf(tx, target.run)).find(
          (one) => one.statement.purpose === 'declare',
        )
        if (earlier !== undefined) {
          if (digestOf(earlier.statement) !== digestOf(statement))
            throw new HaetaeError('run-exists', `run ${target.run}`, {
              why: 'it was declared by another statement',
            })
          // Of a run that is there it is spent; of one that never began it still counts only as long as it says.
          if (earlier.expiresAt <= now && (await subjects.find(target.run)) === undefined)
            throw spent(earlier, expired(earlier))
          return
        }
        const received = receivedOf(statement, signed, signer, demand, now)
        await insertOnce(tx, received)
        await appendToLedger(tx, entryOf('approval.declared', received, sentBy))
      })
      return statement
    })
  }

  /**
   * Voids what people signed at the gates of a run, or of the fleet that it is a part of: an action of its plan changed,
   * or an assumption is broken. Returns who had signed; nothing is recorded where nobody had.
   */
  async void(id: string, voiding: Voiding): Promise<string[]> {
    const { pool, clock } = this.#options
    const { run } = await this.signedOver(id, voiding.system)
    return transaction(pool, async (tx) => {
      await lockStatements(tx, run)
      return recordVoiding(tx, run, voiding, clock.now())
    })
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

function receivedOf(
  statement: Statement,
  signed: SignedStatement,
  signer: Signer,
  demand: Demand,
  now: number,
): Received {
  return {
    statement,
    bytes: signed.statement,
    signature: signed.signature,
    fingerprint: signer.key.fingerprint,
    hardware: signer.hardware,
    demanded: { rules: demand.rules, policy: demand.policy },
    receivedAt: now,
    expiresAt: expiryOf(statement, demand, now),
  }
}
