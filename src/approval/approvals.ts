import type { Pool } from 'pg'
import { appendToLedger } from '#ledger/ledger.ts'
import { digestOf } from '#model/digest.ts'
import { HaetaeError, isHaetaeError } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import { instant, type Clock } from '#model/time.ts'
import type { Grade } from '#estate/estate.ts'
import type { Roster } from '#people/roster.ts'
import { proveSigner, type Signer } from '#people/signatures.ts'
import { transaction } from '#platform/postgres/transaction.ts'
import { declarationKey, statusOf, whyNot, type Counting, type GateStatus } from './counting.ts'
import { demandOf, type ApprovalPolicy, type Demand } from './policy.ts'
import {
  attestationOf,
  entryOf,
  insertOnce,
  otherRun,
  refuseOtherTarget,
  type Attestation,
  type DeclarationTarget,
} from './receipt.ts'
import { admit, expiryOf, refuseSigner } from './rules.ts'
import { namespaceOf, type Purpose, type Statement } from './statement.ts'
import { parseStatement } from './statement-schema.ts'
import { lockStatements, statementsOf, voidEarlier, type Received } from './store.ts'
import {
  subjectGate,
  type PlanGate,
  type RecordedStatement,
  type Subject,
  type SubjectGate,
} from './subject.ts'

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
  /** A system's grade; undefined when nobody registers it (any more): the strictest rules hold for it then. */
  gradeOf: (system: string) => Grade | undefined
}

/** A statement as it was sent: the exact bytes that were signed, and the armored signature. */
export interface SignedStatement {
  statement: string
  signature: string
}

/** A statement with why it does not count now; null while it does. */
export interface ListedStatement extends RecordedStatement {
  ignored: Localized | null
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
      const { clock, pool } = this.#options
      const subject = await this.#subject(run)
      const statement = parseStatement(signed.statement)
      if (statement.run !== run) throw otherRun(statement, run)
      const { purpose } = statement
      if (purpose === 'declare') {
        throw new HaetaeError('statement-invalid', 'the statement', {
          where: 'purpose',
          why: 'the run is declared',
        })
      }
      const now = clock.now()
      const signer = await this.#prove(statement, signed, now)
      return transaction(pool, async (tx) => {
        await lockStatements(tx, run)
        const earlier = await statementsOf(tx, run)
        const counting = this.#counting(purpose, subject, earlier, now)
        const gate = admit(statement, signer, subject, counting, earlier)
        const why = `${signer.principal.id} signed anew at ${instant(now)}`
        await voidEarlier(tx, statement, why, now)
        const received = receivedOf(statement, signed, signer, counting.demand, now)
        await insertOnce(tx, received)
        await appendToLedger(tx, entryOf('approval.given', received, sentBy))
        return statusOf(gate, await statementsOf(tx, run), counting)
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
      const { clock, pool } = this.#options
      const statement = parseStatement(signed.statement)
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
          if (digestOf(earlier.statement) === digestOf(statement)) return
          throw new HaetaeError('run-exists', `run ${target.run}`, {
            why: 'it was declared by another statement',
          })
        }
        const received = receivedOf(statement, signed, signer, demand, now)
        await insertOnce(tx, received)
        await appendToLedger(tx, entryOf('approval.declared', received, sentBy))
      })
      return statement
    })
  }

  /** Everything signed over a run, in order of receipt; what does not count says why. Throws `run-unknown`. */
  async list(run: string): Promise<{ statements: ListedStatement[]; gates: GateStatus[]; subject: Subject }> {
    const { clock, pool } = this.#options
    const subject = await this.#subject(run)
    const now = clock.now()
    const recorded = await statementsOf(pool, run)
    const counting = (purpose: Purpose) => this.#counting(purpose, subject, recorded, now)
    return {
      subject,
      statements: recorded.map((one) => {
        const { purpose } = one.statement
        // A declaration opened the run: it is spent, and expires no more.
        const why = purpose === 'declare' ? null : (whyNot(one, counting(purpose)) ?? null)
        return { ...one, ignored: why }
      }),
      gates: subject.gates.map((gate) => statusOf(gate, recorded, counting(gate.purpose))),
    }
  }

  /** Where a gate of a run stands now. */
  async gateStatus(
    run: string,
    gate: SubjectGate,
    about: Pick<Subject, 'planDigest' | 'requester'>,
  ): Promise<GateStatus> {
    const { pool, clock } = this.#options
    const recorded = await statementsOf(pool, run)
    // What was declared is what the plan is about: so the run need not be read for it each time that its gates are.
    const declared = recorded.find(({ statement }) => statement.purpose === 'declare')?.statement
    const { systems } = declared?.scope ?? (await this.#subject(run))
    return statusOf(
      gate,
      recorded,
      this.#counting(gate.purpose, { ...about, systems }, recorded, clock.now()),
    )
  }

  /** What the policy in force demands for an action over these systems. */
  demand(purpose: Purpose, systems: readonly string[]): Demand {
    const { policy, gradeOf } = this.#options
    const grades = systems.map(gradeOf)
    const known = grades.filter((grade) => grade !== undefined)
    return demandOf(policy, purpose, known.length < grades.length ? [] : known)
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
    const recorded = await statementsOf(pool, run)
    const counting = this.#counting('attest', subject, recorded, clock.now())
    return recorded
      .filter((one) => one.statement.purpose === 'attest' && one.statement.decision === 'yes')
      .filter((one) => whyNot(one, counting) === undefined)
      .map(attestationOf)
  }

  async #subject(run: string): Promise<Subject> {
    const subject = await this.#options.subjects.find(run)
    if (subject === undefined) throw new HaetaeError('run-unknown', `run ${run}`)
    return subject
  }

  #counting(
    purpose: Purpose,
    subject: Pick<Subject, 'planDigest' | 'requester' | 'systems'>,
    recorded: readonly RecordedStatement[],
    now: number,
  ): Counting {
    return {
      about: subject,
      demand: this.demand(purpose, subject.systems),
      roster: this.#options.roster,
      requesterKey: declarationKey(recorded),
      now,
    }
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
