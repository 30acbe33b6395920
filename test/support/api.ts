import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import type { Pool } from 'pg'
import { accessRecorder } from '#api/access-record.ts'
import { approvalService, subjectOf } from '#api/approval-service.ts'
import { runbookDetail } from '#api/runbook-view.ts'
import type { RunDrift } from '#api/schema/plan.ts'
import type { OperationRequest, Signed } from '#api/schema/request.ts'
import type { JournalEntry, RunDetail } from '#api/schema/run.ts'
import { buildApi, type ApiOptions } from '#api/server.ts'
import type { Services } from '#api/services.ts'
import { Approvals } from '#approval/approvals.ts'
import { defaultPolicy } from '#approval/policy.ts'
import { scopeOf } from '#approval/statement.ts'
import { postgresJournal } from '#engine/journal/postgres.ts'
import type { Journal } from '#engine/journal/journal.ts'
import { createRunReader } from '#engine/run-reader.ts'
import { isNodeEvent, type JournalRecord } from '#engine/state/events.ts'
import { findingService, openFindings } from '#daemon/services/finding.ts'
import { ledgerPorts } from '#daemon/ledger-ports.ts'
import { findingStore } from '#finding/store.ts'
import { loadEstate } from '#estate/load.ts'
import { HaetaeError } from '#model/errors.ts'
import { terminalRunStates } from '#model/states.ts'
import type { Clock } from '#model/time.ts'
import { Sessions } from '#people/sessions.ts'
import { systemClock } from '#platform/clock.ts'
import { planFailover } from '#plan/failover.ts'
import { planOperation } from '#plan/operation.ts'
import type { Plan } from '#plan/plan.ts'
import type { World } from '#plan/request.ts'
import { readRunbook } from '#runbook/load.ts'
import { stepTypes } from '#steps/index.ts'
import { guardedRunbook, settleRunbook } from './operation-runbook.ts'
import type { People } from './people.ts'

const root = new URL('../../', import.meta.url).pathname

/** An API over real rooms: roster, approvals, planner and journal in PostgreSQL; what is observed is given. */
export interface TestApi {
  journal: Journal
  approvals: Approvals
  sessions: Sessions
  /** What readiness says. */
  ready: { ok: boolean }
  /** Where a system is active; its home when it is not here. */
  active: Map<string, string>
  /** What has changed since any run's plan. */
  drift: Pick<RunDrift, 'broken' | 'unproven' | 'nodes' | 'losses' | 'parts'>
  build(tls?: ApiOptions['tls']): FastifyInstance
}

export async function testApi(
  pool: Pool,
  people: People,
  offsetMs = () => 0,
  policy = defaultPolicy,
): Promise<TestApi> {
  const clock: Clock = { ...systemClock, now: () => Date.now() + offsetMs() }
  const estate = await loadEstate([`${root}estate/estate.yaml`, `${root}estate/lab.yaml`])
  const file = `${root}runbooks/failover-postgres-web.yaml`
  const texts = [await readFile(file, 'utf8'), settleRunbook, guardedRunbook]
  const runbooks = new Map(
    texts.map((text) => {
      const { runbook } = readRunbook(text, file, { stepTypes, sites: [] })
      if (runbook === undefined) throw new Error('a runbook of the tests has mistakes')
      return [runbook.definition.metadata.name, runbook]
    }),
  )
  const active = new Map<string, string>()
  const ready = { ok: true }
  const journal = postgresJournal({ pool, clock })
  const reader = createRunReader(journal, clock)
  const findings = findingStore(pool, ledgerPorts(pool, clock).finding)
  const approvals = new Approvals({
    pool,
    roster: people.roster,
    policy,
    findings,
    installation: 'test',
    gradeOf: (id) => estate.systems.find((one) => one.id === id)?.grade,
    clock,
    subjects: {
      async find(id) {
        const row = await journal.run(id)
        if (row === undefined) return undefined
        const { requester, state } = row
        return subjectOf({ id, plan: await journal.plan(id), requester, ended: terminalRunStates.has(state) })
      },
    },
  })
  const signatures = approvalService(approvals, {
    changed: () => {},
    takenOver: async (run, by, reason) => void (await journal.takeOver(run, by, reason)),
  })
  const world: World = {
    active: (id) => ({
      site: active.get(id) ?? estate.systems.find((one) => one.id === id)?.home ?? '',
      epoch: 1,
    }),
  }
  const ground = { estate, runbooks, stepTypes, world, now: 0 }
  const planOf = (fromSite: string, systems?: readonly string[]) =>
    planFailover({ ...ground, fromSite, toSite: 'gwangju', ...(systems === undefined ? {} : { systems }) })
  const operationOf = ({ runbook: name, systems, inputs = {} }: OperationRequest) =>
    planOperation({ ...ground, site: 'gwangju', runbook: name, systems, inputs })
  const show = async (id: string): Promise<RunDetail> => {
    const view = await reader.getRun(id)
    const nodes = [...view.nodes.values()]
    return {
      asOf: view.createdAt,
      id,
      mode: view.plan.subject.mode,
      fromSite: view.plan.subject.fromSite ?? null,
      toSite: view.plan.subject.toSite,
      state: view.state,
      requester: view.requester,
      reason: view.reason,
      systems: [...scopeOf(view.plan.subject).systems],
      planDigest: view.plan.digest,
      createdAt: view.createdAt,
      endedAt: view.endedAt,
      nodesDone: nodes.filter((node) => node.state === 'succeeded').length,
      nodes: nodes.length,
      parent: view.parent,
      children: [],
      graph: view.plan.subject.nodes.map((node) => ({
        id: node.id,
        system: node.system,
        title: node.title,
        type: node.type,
        wave: node.wave,
        needs: node.needs,
        state: view.nodes.get(node.id)?.state ?? 'waiting',
        waitReason: 'needs' as const,
        waitsFor: node.needs.map((need) => ({ ko: `${need} 완료`, en: `needs ${need}` })),
        attempt: 0,
        startedAt: null,
        endedAt: null,
        message: null,
        question: null,
      })),
      times: [],
      gates: (await signatures.list(id)).gates,
      question: null,
      deadline: view.createdAt,
      paused: view.paused?.own ?? null,
      pausedWithFleet: view.paused?.fleet ?? null,
      canceling: view.canceling,
      rollingBack: null,
      left: [],
      findings: (await openFindings(findings))(id),
      fenceDebts: [],
    }
  }
  const drift: TestApi['drift'] = { broken: [], unproven: null, nodes: [], losses: [], parts: [] }
  const declare = async (run: string, plan: Plan, declaration: Signed, sentBy: string) => {
    const scope = scopeOf(plan.subject)
    const target = { run, planDigest: plan.digest, ...scope }
    const { principal: requester, reason } = await approvals.declare(target, declaration, sentBy)
    await journal.create({ id: run, plan, requester, reason, systems: [...scope.systems] })
    return show(run)
  }
  const none = async () => ({ items: [], next: null })
  const services: Services = {
    drifts: {
      drift: async (id) => ({
        ...{
          run: id,
          planDigest: (await journal.plan(id)).digest,
          observedAt: '',
          now: new Date().toISOString(),
        },
        ...drift,
      }),
    },
    estate: {
      systems: async () => {
        const findingsOf = await openFindings(findings)
        const items = estate.systems.map((one) => ({
          id: one.id,
          name: one.name,
          grade: one.grade,
          owner: one.owner,
          home: one.home,
          recovery: one.recovery ?? null,
          activeSite: active.get(one.id) ?? (one.home === 'each' ? null : one.home),
          epoch: 1,
          health: 'unknown' as const,
          reasons: [{ ko: '센터가 응답하지 않습니다', en: 'the site does not answer' }],
          lookedAt: null,
          movable: one.components !== undefined,
          heldBy: null,
          findings: findingsOf(one.id),
        }))
        return { items, next: null }
      },
      system: async (id) => {
        throw new HaetaeError('system-unknown', `system ${id}`)
      },
      sites: async () => [],
      runbooks: async () => [...runbooks.values()].map((runbook) => runbookDetail(runbook, stepTypes)),
      runbook: async (name) => {
        const found = runbooks.get(name)
        if (found === undefined) throw new HaetaeError('runbook-unknown', name)
        return runbookDetail(found, stepTypes)
      },
    },
    operations: {
      plan: async (request) => ({ run: `op-${randomBytes(4).toString('hex')}`, plan: operationOf(request) }),
      declare: async ({ run, declaration, ...request }, by) =>
        declare(run, operationOf(request), declaration, by.principal),
    },
    failover: {
      plan: async ({ fromSite, systems }) => ({
        run: `fo-${randomBytes(4).toString('hex')}`,
        plan: planOf(fromSite, systems),
      }),
      declare: async ({ run, fromSite, systems, declaration }, by) =>
        declare(run, planOf(fromSite, systems), declaration, by.principal),
    },
    runs: {
      list: async () => ({
        items: await Promise.all((await journal.runs({})).map((row) => show(row.id))),
        next: null,
      }),
      show,
      plan: async (id) => (await reader.getRun(id)).plan,
      journal: async (id, after, limit) => ({
        items: (await reader.journalSince(id, after, limit)).map(entryOf),
        state: (await journal.run(id))?.state ?? 'waiting',
      }),
      changed: (id, after, signal) => reader.changed(id, after, signal),
      ask: async (id, verb, by) => void (await journal.command(id, verb, by.principal)),
      decide: async () => undefined,
    },
    approvals: signatures,
    backups: {
      copies: none,
      log: async () => ({
        next: null,
        items: [
          {
            id: '1',
            system: 'GPK',
            tool: 'pg_basebackup',
            dueAt: '2026-11-23T15:00:00.000Z',
            startedAt: '2026-11-23T15:00:01.000Z',
            endedAt: null,
            outcome: 'failed',
            sourceSite: 'daejeon',
            targetSite: 'gwangju',
            recoveryPoint: null,
            bytes: 2_500_000,
            digest: null,
            verified: false,
            askedBy: 'schedule',
            message: { ko: '디스크 가득 참, "gwangju"', en: 'disk full, "gwangju"' },
          },
        ],
      }),
    },
    findings: findingService(findings),
    daemon: {
      site: 'gwangju',
      version: '0.1.0',
      ready: async () => ({ ready: ready.ok, checks: [{ name: 'postgres', ok: ready.ok, detail: null }] }),
      metrics: async () => 'haetae_up 1\n',
      config: () => ({ site: 'gwangju' }),
    },
    peer: {
      sites: ['daejeon'],
      status: async () => ({
        site: 'gwangju',
        version: '0.1.0',
        now: new Date().toISOString(),
        startedAt: new Date().toISOString(),
        ready: true,
        catalogue: 'sha256:0',
        systems: [],
      }),
      authority: async () => ({ site: 'gwangju', authorities: [] }),
    },
  }
  const record = accessRecorder(pool, clock)
  const sessions = new Sessions({ roster: people.roster, site: 'gwangju', clock, record })
  return {
    journal,
    approvals,
    sessions,
    ready,
    active,
    drift,
    build: (tls) =>
      buildApi({ services, sessions, record, pool, clock, ...(tls === undefined ? {} : { tls }) }),
  }
}

function entryOf(record: JournalRecord): JournalEntry {
  const { seq, at, event } = record
  return {
    seq,
    at,
    kind: event.kind,
    node: isNodeEvent(event) ? event.node : null,
    state: null,
    attempt: 'attempt' in event ? Number(event.attempt) : null,
    message:
      event.kind === 'progress' ? event.message : event.kind === 'approvals-counted' ? event.by.join() : null,
    data: {},
  }
}
