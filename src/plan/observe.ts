import { HaetaeError, isHaetaeError, messageOf } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import { instant, type Clock } from '#model/time.ts'
import type { AnyStepType, Change } from '#runbook/step-type.ts'
import { createLane } from './lane.ts'
import type { Plan, PlanNode } from './plan.ts'
import { createOutputsRead, createResolver } from './resolve.ts'

type Type = Pick<AnyStepType, 'input' | 'observe' | 'judge' | 'plan' | 'adopt' | 'foresee'>

/** What looking at the world for a plan takes. There are readers in it, and no writers. */
export interface Observation {
  stepTypes: ReadonlyMap<string, Type>
  /** The reading half of the targets, handed to step types as it is. */
  readers: unknown
  /** The site that looks. */
  site: string
  clock: Clock
  signal: AbortSignal
  /** For one node; what has not answered by then is opaque. */
  withinMs: number
  /** For the whole plan; what was not looked at by then is opaque. */
  totalMs: number
  /** Nodes looked at at once, for each site that they act at: a silent site keeps nobody from another. */
  concurrency: number
}

/** What was seen of one node, and the output that it will most likely give. */
interface Seen {
  changes: Change[]
  output?: unknown
}

/**
 * The plan with what each step would change as the world is now. What rests on outputs of other steps is predicted,
 * as far as these can be foreseen; what cannot be looked at is opaque, with why. The digest stays as it is, because
 * what was observed is no part of it. Writes nothing, and takes no longer than `totalMs`.
 */
export async function observePlan(plan: Plan, observation: Observation): Promise<Plan> {
  const nodes = plan.subject.nodes.filter(({ gate, waitFor }) => gate === null && waitFor === undefined)
  const at = instant(observation.clock.now())
  const over = new AbortController()
  const ending = new AbortController()
  const wholeTime = observation.clock
    .sleep(observation.totalMs, AbortSignal.any([observation.signal, ending.signal]))
    .then(
      () => over.abort(),
      () => undefined,
    )
  try {
    const seen = await lookAtAll(nodes, observation, over.signal)
    const changes = Object.fromEntries(nodes.map(({ id }, index) => [id, seen[index]?.changes ?? []]))
    return { ...plan, observed: { at, changes: asOneAfterAnother(changes) } }
  } finally {
    ending.abort()
    await wholeTime
  }
}

/** Every node is looked at once, after those whose outputs it reads. */
function lookAtAll(nodes: readonly PlanNode[], observation: Observation, over: AbortSignal): Promise<Seen[]> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const lanes = new Map<string, ReturnType<typeof createLane>>()
  const looks = new Map<string, Promise<Seen>>()
  const outputsRead = createOutputsRead()
  const resolve = createResolver(observation.stepTypes)
  const look = (node: PlanNode): Promise<Seen> => {
    const known = looks.get(node.id) ?? lookOnce(node)
    looks.set(node.id, known)
    return known
  }
  const lookOnce = async (node: PlanNode): Promise<Seen> => {
    try {
      const sources = outputsRead(node)
      const outputs = new Map<string, unknown>()
      for (const id of sources) {
        const source = byId.get(id)
        const output = source === undefined ? undefined : (await look(source)).output
        if (output === undefined) return opaque(node, unforeseen(id))
        outputs.set(id, output)
      }
      const site = siteOf(node) ?? observation.site
      const lane = lanes.get(site) ?? createLane(observation.concurrency)
      lanes.set(site, lane)
      const seen = await lane(() => lookAt(node, resolve(node, outputs), observation, over))
      return sources.length === 0 ? seen : { ...seen, changes: resting(seen.changes, sources) }
    } catch (error) {
      return opaque(node, whyOf(error))
    }
  }
  return Promise.all(nodes.map(look))
}

async function lookAt(
  node: PlanNode,
  input: Record<string, unknown>,
  { stepTypes, readers, clock, signal, site, withinMs }: Observation,
  over: AbortSignal,
): Promise<Seen> {
  if (over.aborted) return opaque(node, outOfTime)
  const type = stepTypes.get(node.type)
  if (type === undefined) throw new HaetaeError('plan-impossible', node.id, { why: `no type ${node.type}` })
  const deadline = new AbortController()
  const timer = new AbortController()
  const ctx = {
    readers,
    clock,
    signal: AbortSignal.any([signal, over, deadline.signal]),
    runId: undefined,
    key: undefined,
    lastTry: 'none' as const,
  }
  const looking = async (): Promise<Seen> => {
    const state: unknown = await type.observe(ctx, input)
    const changes = (await type.plan(ctx, input, state)).map((change) => ({ site, ...change }))
    const output: unknown =
      type.foresee?.(input, state) ??
      (type.judge(input, state) === 'holds' ? type.adopt(input, state) : undefined)
    return { changes, output }
  }
  const late = clock.sleep(withinMs, AbortSignal.any([signal, over, timer.signal])).then(
    () => opaque(node, noAnswerWithin(withinMs)),
    () => opaque(node, outOfTime),
  )
  try {
    return await Promise.race([looking().catch((error: unknown) => opaque(node, whyOf(error))), late])
  } finally {
    deadline.abort()
    timer.abort()
  }
}

/** What a step changes after another one changed the same thing is not what it would change now. */
function asOneAfterAnother(changes: Record<string, Change[]>): Record<string, Change[]> {
  const first = new Map<string, string>()
  const after = (change: Change, node: string): Change => {
    const key = JSON.stringify([change.site, change.target])
    const before = first.get(key) ?? node
    first.set(key, before)
    if (change.certainty !== 'exact' || before === node) return change
    const why = { ko: `${before} 단계가 먼저 바꿈`, en: `${before} changes it before` }
    return { ...change, certainty: 'predicted', why }
  }
  return Object.fromEntries(
    Object.entries(changes).map(([node, list]) => [node, list.map((change) => after(change, node))]),
  )
}

function resting(changes: readonly Change[], sources: readonly string[]): Change[] {
  const names = sources.join(', ')
  const why = { ko: `${names}의 예상 결과에 따름`, en: `from what ${names} will most likely give` }
  return changes.map((change) =>
    change.certainty === 'opaque' ? change : { ...change, certainty: 'predicted', why: change.why ?? why },
  )
}

function opaque(node: PlanNode, why: string | Localized): Seen {
  const site = siteOf(node)
  return {
    changes: [{ certainty: 'opaque', target: node.id, why, ...(site === undefined ? {} : { site }) }],
  }
}

/** The site that a step is given in its input, as nearly all of them are. */
function siteOf({ with: input }: PlanNode): string | undefined {
  return typeof input['site'] === 'string' ? input['site'] : undefined
}

function whyOf(error: unknown): string {
  return isHaetaeError(error) ? [error.message, error.why].filter(Boolean).join(': ') : messageOf(error)
}

const outOfTime = {
  ko: '계획 시간 안에 확인하지 못함',
  en: 'it was not looked at in the time that planning has',
}

function noAnswerWithin(ms: number): Localized {
  return { ko: `${ms} ms 안에 응답이 없음`, en: `no answer within ${ms} ms` }
}

function unforeseen(id: string): Localized {
  return {
    ko: `입력이 ${id}의 결과에서 오며, 그 결과를 미리 알 수 없음`,
    en: `its input comes from ${id}, whose result cannot be foreseen`,
  }
}
