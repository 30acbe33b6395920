import { HaetaeError, isHaetaeError, messageOf } from '#model/errors.ts'
import type { Localized } from '#model/localized.ts'
import type { Clock } from '#model/time.ts'
import { createBreath } from '#platform/breath.ts'
import type { AnyStepType, Change } from '#runbook/step-type.ts'
import { createLane } from './lane.ts'
import type { PlanNode } from './plan.ts'
import { createOutputsRead, createResolver } from './resolve.ts'

type Type = Pick<AnyStepType, 'input' | 'observe' | 'judge' | 'plan' | 'targets' | 'adopt' | 'foresee'>

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
export interface Seen {
  changes: Change[]
  output?: unknown
  /** What it changes and what is as wanted now. */
  idle?: readonly string[]
  /** There was no time to look, or not enough. */
  late?: true
}

/** Does work that looks, and says when its time is over. */
export async function inTime<T>(
  { clock, signal, totalMs }: Observation,
  work: (over: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const ending = new AbortController()
  const wholeTime = clock.sleep(totalMs, AbortSignal.any([signal, ending.signal])).then(
    () => over.abort(),
    () => undefined,
  )
  try {
    return await work(over.signal)
  } finally {
    ending.abort()
    await wholeTime
  }
}

export type Looks = (nodes: readonly PlanNode[]) => Promise<Map<string, Seen>>

/**
 * Makes the function that looks at nodes, each once, after those whose outputs it reads. All that it is asked for share
 * the places of the sites. The event loop has its turns meanwhile, however many nodes there are.
 */
export function createLooks(observation: Observation, over: AbortSignal): Looks {
  const lanes = new Map<string, ReturnType<typeof createLane>>()
  const outputsRead = createOutputsRead()
  const resolve = createResolver(observation.stepTypes)
  const breath = createBreath()
  const lookWith = async (node: PlanNode, outputs: ReadonlyMap<string, unknown>): Promise<Seen> => {
    await breath()
    if (over.aborted) return tooLate(node)
    return lookAt(node, resolve(node, outputs), observation, over)
  }
  return async (nodes) => {
    const byId = new Map(nodes.map((node) => [node.id, node]))
    const looks = new Map<string, Promise<Seen>>()
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
        const seen = await lane(() => lookWith(node, outputs))
        return sources.length === 0 ? seen : { ...seen, changes: resting(seen.changes, sources) }
      } catch (error) {
        return opaque(node, whyOf(error))
      }
    }
    for (const node of nodes) {
      void look(node)
      await breath()
    }
    const seen = new Map<string, Seen>()
    for (const [id, looking] of looks) seen.set(id, await looking)
    return seen
  }
}

async function lookAt(
  node: PlanNode,
  input: Record<string, unknown>,
  { stepTypes, readers, clock, signal, site, withinMs }: Observation,
  over: AbortSignal,
): Promise<Seen> {
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
    const idle = (type.targets?.(input) ?? []).filter((one) => changes.every(({ target }) => target !== one))
    return { changes, output, idle }
  }
  const late = clock.sleep(withinMs, AbortSignal.any([signal, over, timer.signal])).then(
    () => opaque(node, noAnswerWithin(withinMs)),
    (): Seen => tooLate(node),
  )
  try {
    const seen = looking().catch((error: unknown) =>
      over.aborted ? tooLate(node) : opaque(node, whyOf(error)),
    )
    return await Promise.race([seen, late])
  } finally {
    deadline.abort()
    timer.abort()
  }
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

function tooLate(node: PlanNode): Seen {
  return { ...opaque(node, outOfTime), late: true }
}

/** The site that a step is given in its input, as nearly all of them are. */
export function siteOf({ with: input }: PlanNode): string | undefined {
  return typeof input['site'] === 'string' ? input['site'] : undefined
}

function whyOf(error: unknown): string {
  return isHaetaeError(error) ? [error.message, error.why].filter(Boolean).join(': ') : messageOf(error)
}

export const outOfTime = {
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
