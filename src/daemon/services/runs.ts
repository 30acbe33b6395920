import { gateView } from '#api/approval-service.ts'
import type { Text } from '#api/schema/common.ts'
import type { GateView } from '#api/schema/approval.ts'
import type { JournalEntry, NodeView as ShownNode, RunDetail, RunSummary } from '#api/schema/run.ts'
import type { RunService } from '#api/services.ts'
import type { AuthorityStore } from '#authority/store.ts'
import { isNodeEvent, type JournalRecord, type Question } from '#engine/state/events.ts'
import type { RunFilter, RunRow } from '#engine/journal/journal.ts'
import { questionText } from '#engine/state/question-texts.ts'
import { isDone, isEnded, nodesOf, type NodeView, type RunView } from '#engine/state/view.ts'
import { deadlineOf } from '#engine/state/deadline.ts'
import { givenUpText, whyNode } from '#engine/state/why.ts'
import type { FindingStore } from '#finding/store.ts'
import { timesOf } from '#insight/times.ts'
import { HaetaeError } from '#model/errors.ts'
import { instant } from '#model/time.ts'
import { rolesThatMay } from '#people/roles.ts'
import type { Session } from '#people/sessions.ts'
import type { PlanNode } from '#plan/plan.ts'
import type { Execution } from '../execution.ts'
import { openFindings } from './finding.ts'
import { pageOfRows } from './page.ts'

interface Needs {
  execution: Execution
  authority: AuthorityStore
  findings: FindingStore
}

/** Runs as the API shows them, folded from their journals. */
export function runService(needs: Needs): RunService {
  const { engine, journal } = needs.execution
  return {
    async list({ limit, cursor, active, system, parent, parts }) {
      const filter = {
        limit: limit + 1,
        ...(active === undefined ? {} : { open: active }),
        ...(cursor === undefined ? {} : { before: cursor }),
        ...(system === undefined ? {} : { system }),
        ...partsShown({ parent, parts: parts === true || system !== undefined }),
      }
      const rows = await engine.runs.listRuns(filter)
      const page = pageOfRows(rows, limit, (row) => row.id)
      return { items: page.items.map(summaryOfRow), next: page.next }
    },
    show: (id) => detail(needs, id),
    plan: async (id) => (await engine.runs.getRun(id)).plan,
    async journal(id, after, limit) {
      const row = await journal.run(id)
      if (row === undefined) throw new HaetaeError('run-unknown', `run ${id}`)
      const records = await engine.runs.journalSince(id, after, limit)
      return { items: records.map(entryOf), state: row.state }
    },
    changed: (id, after, signal) => engine.runs.changed(id, after, signal),
    async ask(id, verb, by) {
      if (verb.verb === 'skip') assertMay(await roleOf(verb.node, engine.runs.getRun(id)), by)
      await engine.ask(id, verb, by.principal)
    },
    async decide(id, { node, decision, reason }, by) {
      assertMay(roleAsked((await engine.runs.getRun(id)).nodes.get(node ?? '')?.question ?? null), by)
      await engine.decide(id, node, decision, by.principal, reason)
    },
  }
}

/** The parts of fleets are hundreds: they are listed when one asks for them, for those of a fleet or for a system. */
function partsShown({ parent, parts }: { parent: string | undefined; parts: boolean }): RunFilter {
  if (parent !== undefined) return { parent }
  return parts ? {} : { parent: null }
}

/** The role that a question is for; undefined where it is for those who may declare. */
function roleAsked(question: Question | null): string | undefined {
  const asked = question?.reason === 'manual' ? question.facts['role'] : undefined
  return typeof asked === 'string' ? asked : undefined
}

/** The role that a manual step names; undefined for every other step. */
async function roleOf(node: string, view: Promise<RunView>): Promise<string | undefined> {
  const found = (await view).plan.subject.nodes.find((each) => each.id === node)
  return found?.waitFor?.kind === 'person' ? found.waitFor.role : undefined
}

/** A manual step is confirmed or skipped by its role; everything else is for those who may declare. */
function assertMay(role: string | undefined, { principal, roles }: Session): void {
  const allowed: readonly string[] = role === undefined ? rolesThatMay.declare : [role]
  if (roles.some((one) => allowed.includes(one))) return
  throw new HaetaeError('role-missing', 'the decision', {
    why: `it takes ${allowed.join(' or ')}, and ${principal} is ${roles.join(', ')}`,
    facts: { allowed: [...allowed], roles: [...roles] },
  })
}

function summaryOfRow(row: RunRow): RunSummary {
  const { id, mode, fromSite, toSite, state, requester, reason, systems, planDigest } = row
  const { createdAt, endedAt, nodesDone, nodes, parent } = row
  return {
    ...{ id, mode, fromSite, toSite, state, requester, reason, systems, planDigest },
    ...{ createdAt, endedAt, nodesDone, nodes, parent },
  }
}

async function detail(needs: Needs, id: string): Promise<RunDetail> {
  const { execution, authority } = needs
  const view = await execution.engine.runs.getRun(id)
  const isFleet = view.plan.subject.nodes.some(({ waitFor }) => waitFor?.kind === 'run')
  const [{ gates }, debts, detectedAt, findingsOf, parts] = await Promise.all([
    // Of a run that is over, as it was then: what expired since had counted.
    execution.approvals.list(id, view.endedAt === null ? undefined : Date.parse(view.endedAt)),
    authority.fenceDebts(),
    detection(needs, view),
    openFindings(needs.findings),
    isFleet ? execution.journal.runs({ parent: id, limit: 1_000_000 }) : [],
  ])
  const { subject } = view.plan
  const children = new Map(parts.toReversed().map((row) => [row.systems[0] ?? row.id, row]))
  const runs = new Set([id, ...parts.map((row) => row.id)])
  const own = debts.filter((fence) => runs.has(fence.runId))
  return {
    asOf: instant(Date.now()),
    id,
    mode: subject.mode,
    fromSite: subject.fromSite ?? null,
    toSite: subject.toSite,
    state: view.state,
    requester: view.requester,
    reason: view.reason,
    systems: [...new Set(subject.nodes.flatMap((node) => node.system ?? []))],
    planDigest: view.plan.digest,
    createdAt: view.createdAt,
    endedAt: view.endedAt,
    nodesDone: [...view.nodes.values()].filter((node) => isDone(node.state)).length,
    nodes: view.nodes.size,
    parent: view.parent,
    graph: nodesOf(view).map((node) => nodeView(view, node, children.get(node.system ?? ''))),
    children: [...children.values()].map(childOf),
    times: timesOf(view, detectedAt),
    gates: gates.map(gateView).map((gate) => passedAlready(view, gate)),
    findings: findingsOf(id),
    fenceDebts: own.map((fence) => ({
      system: fence.system,
      since: fence.recordedAt,
      by: peopleOf(fence.proof),
    })),
    question: questionOf(view.question),
    deadline: deadlineOf(view),
    paused: view.paused?.own ?? null,
    pausedWithFleet: view.paused?.fleet ?? null,
    canceling: view.canceling,
    rollingBack: view.rollingBack,
    left: view.undo?.left ?? [],
  }
}

/** What a run has passed stays passed: whatever expires, or changes in roster and policy, later. A voiding is shown. */
function passedAlready(view: RunView, gate: GateView): GateView {
  const node = view.nodes.get(gate.gate)
  return node?.state === 'succeeded' && isEnded(view) ? { ...gate, state: 'passed', ignored: [] } : gate
}

function peopleOf(proof: Record<string, unknown>): string[] {
  const statements = Array.isArray(proof['statements'])
    ? (proof['statements'] as { principal?: unknown }[])
    : []
  return [
    ...new Set(statements.flatMap(({ principal }) => (typeof principal === 'string' ? [principal] : []))),
  ]
}

/** When the monitor saw what the run is about: the suspicion of the site that was open when it was declared. */
async function detection({ findings }: Needs, view: RunView): Promise<(system: string) => string | null> {
  const { fromSite } = view.plan.subject
  if (fromSite === undefined) return () => null
  const found = await findings.list({ rule: 'site-suspected-lost', subject: fromSite, limit: 20 })
  const before = found.find(
    (one) => one.since <= view.createdAt && (one.closedAt === null || one.closedAt >= view.createdAt),
  )
  return () => before?.since ?? null
}

function childOf({ id, systems, state, nodesDone, nodes, createdAt, endedAt }: RunRow) {
  return { id, systems, state, nodesDone, nodes, createdAt, endedAt }
}

/** How far the run of a fleet's system has come. */
function progressOf({ id, state, nodesDone, nodes }: RunRow): Text {
  return {
    ko: `${id}: ${state}, ${nodes}단계 중 ${nodesDone}단계`,
    en: `${id}: ${state}, ${nodesDone} of ${nodes} steps`,
  }
}

function nodeView(view: RunView, node: PlanNode, child?: RunRow): ShownNode {
  const seen = view.nodes.get(node.id)
  const why = whyNode(view, node.id)
  const waits = why !== undefined && (seen?.state === 'waiting' || why.reason === 'paused')
  return {
    id: node.id,
    system: node.system,
    title: node.title,
    type: node.type,
    wave: node.wave,
    needs: node.needs,
    state: seen?.state ?? 'waiting',
    waitReason: waits ? waitReasonOf(why.reason) : null,
    waitsFor: waits ? [why.text] : [],
    attempt: seen?.attempts.length ?? 0,
    startedAt: seen?.startedAt ?? null,
    endedAt: seen?.endedAt ?? null,
    message:
      seen === undefined ? null : (messageOfNode(seen) ?? (child === undefined ? null : progressOf(child))),
    question: questionOf(seen?.question ?? null),
    skipped: seen?.skipped ?? null,
  }
}

function questionOf(question: Question | null): RunDetail['question'] {
  return question === null
    ? null
    : { ...question, text: questionText(question), choices: [...question.choices] }
}

function waitReasonOf(reason: string): ShownNode['waitReason'] {
  const reasons = ['needs', 'lock', 'approval', 'capacity', 'retry'] as const
  return reasons.find((one) => one === reason) ?? null
}

function skippedText({ by, reason }: { by: string; reason: string }): Text {
  return { ko: `${by}이(가) 건너뜀: ${reason}`, en: `skipped by ${by}: ${reason}` }
}

function messageOfNode(node: NodeView): Text | null {
  if (node.skipped !== null) return skippedText(node.skipped)
  if (node.question !== null) return questionText(node.question)
  return givenUpText(node) ?? node.failure?.message ?? node.progress ?? node.canceled?.why ?? null
}

function entryOf(record: JournalRecord): JournalEntry {
  const { event } = record
  const { kind, ...data } = event
  const node = isNodeEvent(event) ? event.node : null
  return {
    seq: record.seq,
    at: record.at,
    kind,
    node,
    state: stateAfter(kind),
    attempt: 'attempt' in event ? event.attempt : null,
    message: messageOfEvent(data),
    data: { ...data, actor: record.actor, term: record.term },
  }
}

/** The state that a node or run is in after an event, where the event alone says so. */
function stateAfter(kind: JournalRecord['event']['kind']): string | null {
  const states: Partial<Record<typeof kind, string>> = {
    intended: 'running',
    succeeded: 'succeeded',
    adopted: 'adopted',
    'attempt-unknown': 'unknown',
    asked: 'needs-person',
    'run-asked': 'needs-person',
    'run-started': 'running',
    'run-paused': 'paused',
    'node-skipped': 'skipped',
    skipped: 'skipped',
    'node-canceled': 'canceled',
  }
  return states[kind] ?? null
}

function messageOfEvent(data: object): string | null {
  const fields = data as {
    message?: unknown
    failure?: { message?: unknown }
    why?: unknown
    reason?: unknown
  }
  const said = [fields.message, fields.failure?.message, fields.why, fields.reason]
  return said.find((text) => typeof text === 'string') ?? null
}
