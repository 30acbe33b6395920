import type { Pool } from 'pg'
import type { Grade } from '#estate/estate.ts'
import { HaetaeError } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import type { Clock } from '#model/time.ts'
import type { Roster } from '#people/roster.ts'
import { statusOf, whyNot, type Counting, type GateStatus } from './counting.ts'
import { demandOf, type ApprovalPolicy, type Demand } from './policy.ts'
import { attestationOf, type Attestation } from './receipt.ts'
import { purposeIsOfRun, type Purpose } from './statement.ts'
import { statementsOf } from './store.ts'
import {
  runGate,
  subjectGate,
  type PlanGate,
  type RecordedStatement,
  type Subject,
  type SubjectGate,
} from './subject.ts'
import { newestVoiding, voidedPurposes, type RecordedVoiding } from './voiding.ts'

/** Where runs are known: the engine, wired by daemon. */
export interface Subjects {
  /** The run with its plan's gates; undefined when there is none. */
  find(run: string): Promise<Subject | undefined>
}

export interface RecordOptions {
  pool: Pool
  roster: Roster
  policy: ApprovalPolicy
  clock: Pick<Clock, 'now'>
  subjects: Subjects
  /** A system's grade; undefined when nobody registers it (any more): the strictest rules hold for it then. */
  gradeOf: (system: string) => Grade | undefined
}

/** A statement with why it does not count now; null while it does. */
export interface ListedStatement extends RecordedStatement {
  ignored: Localized | null
}

/** What people signed over runs, counted by the register and the policy of now. */
export class ApprovalRecord {
  readonly #options: RecordOptions

  constructor(options: RecordOptions) {
    this.#options = options
  }

  /** Everything signed over a run, in order of receipt; what does not count says why. Throws `run-unknown`. */
  async list(
    run: string,
    now = this.#options.clock.now(),
  ): Promise<{ statements: ListedStatement[]; gates: GateStatus[]; subject: Subject }> {
    const subject = await this.subject(run)
    const recorded = await statementsOf(this.#options.pool, run)
    const counting = { ...this.counting(subject, recorded), now }
    // A gate of the run as a whole is there once somebody signed at it.
    const ofRun = new Set(
      recorded.flatMap(({ statement: { purpose } }) => (purposeIsOfRun(purpose) ? [purpose] : [])),
    )
    return {
      subject,
      statements: recorded.map((one) => ({
        ...one,
        // A declaration opened the run: it is spent, and expires no more.
        ignored: one.statement.purpose === 'declare' ? null : (whyNot(one, counting) ?? null),
      })),
      gates: [...subject.gates, ...[...ofRun].map(runGate)].map((gate) => statusOf(gate, counting)),
    }
  }

  /** Where a gate of a run stands now. */
  async gateStatus(
    run: string,
    gate: SubjectGate,
    about: Pick<Subject, 'planDigest' | 'requester'>,
  ): Promise<GateStatus> {
    const recorded = await statementsOf(this.#options.pool, run)
    // What was declared is what the plan is about: so the run need not be read for it each time that its gates are.
    const declared = recorded.find(({ statement }) => statement.purpose === 'declare')?.statement
    const named = declared?.scope.systems
    const systems = Array.isArray(named) ? (named as string[]) : (await this.subject(run)).systems
    return statusOf(gate, this.counting({ ...about, systems }, recorded))
  }

  /** The same in the engine's words: its port `Approvals`. */
  async at(request: {
    runId: string
    planDigest: string
    requester: string
    node: string
    gate: PlanGate
  }): Promise<{ granted: string[]; rejected: { by: string; reason: string }[]; glassBrokenBy?: string[] }> {
    const gate = subjectGate(request.node, request.gate)
    const status = await this.gateStatus(request.runId, gate, request)
    const granted = status.given.map((one) => one.principal)
    const enough = granted.length >= status.quorum
    // The engine counts by the plan's quorum. Where policy asks for more, it must not get there too early.
    const shown = enough ? granted : granted.slice(0, Math.max(0, request.gate.quorum - 1))
    return {
      granted: shown,
      rejected: status.refused.map((one) => ({ by: one.principal, reason: one.reason })),
      ...(status.state === 'passed' && !enough
        ? { glassBrokenBy: status.brokenBy.map((one) => one.principal) }
        : {}),
    }
  }

  /**
   * The attestations of a run that count now, for the fence that rests on them; for a part of a fleet, those of the
   * fleet. Empty for an unknown run.
   */
  async forRun(run: string): Promise<Attestation[]> {
    const subject = await this.#options.subjects.find(run)
    if (subject === undefined) return []
    if (subject.coveredBy !== undefined) return this.forRun(subject.coveredBy)
    const recorded = await statementsOf(this.#options.pool, run)
    const counting = this.counting(subject, recorded)
    return recorded
      .filter((one) => one.statement.purpose === 'attest' && one.statement.decision === 'yes')
      .filter((one) => whyNot(one, counting) === undefined)
      .map((one) => attestationOf(one, subject.systems))
  }

  /**
   * How many people have to attest for a run; for a part of a fleet, for the fleet: as many as its gates ask for, and never
   * fewer than policy does. 0 for an unknown run.
   */
  async peopleFor(run: string): Promise<number> {
    const subject = await this.#options.subjects.find(run)
    if (subject === undefined) return 0
    if (subject.coveredBy !== undefined) return this.peopleFor(subject.coveredBy)
    const asked = subject.gates.filter(({ purpose }) => purpose === 'attest').map(({ quorum }) => quorum)
    return Math.max(this.demand('attest', subject.systems).people, ...asked)
  }

  /**
   * What has to be signed anew since the newest voiding that concerns the system (null: any of the run); undefined when
   * nothing.
   */
  async missingSince(
    id: string,
    about: string | null,
  ): Promise<{ voiding: RecordedVoiding; text: Localized } | undefined> {
    const { run, system } = await this.signedOver(id, about)
    const voiding = await newestVoiding(this.#options.pool, run, system)
    if (voiding === undefined) return undefined
    const purposes = voidedPurposes(voiding)
    const { gates, statements } = await this.list(run)
    // A gate whose turn has not come yet, and where nobody signed, lost nothing.
    const signed = new Set(
      statements.flatMap(({ statement, voided }) => (voided === null ? [] : [statement.gate])),
    )
    const open = gates.filter(
      ({ gate, purpose, state }) => signed.has(gate) && purposes.includes(purpose) && state !== 'passed',
    )
    if (open.length === 0) return undefined
    const shown = open.map(({ gate, given, quorum }) => `${gate} ${given.length}/${quorum}`).join(', ')
    return {
      voiding,
      text: {
        en: `signatures were voided, because ${voiding.why.en}; to be signed anew: ${shown}`,
        ko: `서명이 무효가 되었습니다. ${voiding.why.ko}. 다시 서명해야 합니다: ${shown}`,
      },
    }
  }

  /** What the policy in force demands for an action over these systems. */
  demand(purpose: Purpose, systems: readonly string[]): Demand {
    const { policy, gradeOf } = this.#options
    const grades = systems.map(gradeOf)
    const known = grades.filter((grade) => grade !== undefined)
    return demandOf(policy, purpose, known.length < grades.length ? [] : known)
  }

  /** Where the signatures are that a run stands on: of a part of a fleet, they are over the fleet. */
  protected async signedOver(
    run: string,
    system: string | null,
  ): Promise<{ run: string; system: string | null }> {
    const { coveredBy, systems = [] } = (await this.#options.subjects.find(run)) ?? {}
    return coveredBy === undefined
      ? { run, system }
      : { run: coveredBy, system: system ?? systems[0] ?? null }
  }

  protected async subject(run: string): Promise<Subject> {
    const subject = await this.#options.subjects.find(run)
    if (subject === undefined) throw new HaetaeError('run-unknown', `run ${run}`)
    return subject
  }

  protected counting(
    about: Pick<Subject, 'planDigest' | 'requester' | 'systems'>,
    recorded: readonly RecordedStatement[],
  ): Counting {
    const { roster, clock } = this.#options
    return {
      about,
      demand: (purpose) => this.demand(purpose, about.systems),
      roster,
      recorded,
      now: clock.now(),
    }
  }
}
