import { messageOf } from '#model/errors.ts'
import { instant, type Clock } from '#model/time.ts'
import type { AnyStepType, Change } from '#runbook/step-type.ts'
import { holdsDeferred } from '#runbook/value-tree.ts'
import type { Plan, PlanNode } from './plan.ts'

/** What looking at the world for a plan takes. There are readers in it, and no writers. */
export interface Observation {
  stepTypes: ReadonlyMap<string, Pick<AnyStepType, 'observe' | 'plan'>>
  /** The reading half of the targets, handed to step types as it is. */
  readers: unknown
  clock: Clock
  signal: AbortSignal
  /** For one node; what has not answered by then is opaque. */
  withinMs: number
  /** Nodes looked at at once. */
  concurrency: number
}

/**
 * The plan with what each step would change as the world is now. What cannot be looked at is opaque, with why; the
 * digest stays as it is, because what was observed is no part of it. Writes nothing.
 */
export async function observePlan(plan: Plan, observation: Observation): Promise<Plan> {
  const nodes = plan.subject.nodes.filter(({ gate, waitFor }) => gate === null && waitFor === undefined)
  const changes: Record<string, Change[]> = {}
  let next = 0
  const worker = async () => {
    for (let node = nodes[next++]; node !== undefined; node = nodes[next++])
      changes[node.id] = await changesOf(node, observation)
  }
  await Promise.all(Array.from({ length: Math.min(observation.concurrency, nodes.length) }, worker))
  return { ...plan, observed: { at: instant(observation.clock.now()), changes } }
}

async function changesOf(node: PlanNode, observation: Observation): Promise<Change[]> {
  const { stepTypes, readers, clock, signal, withinMs } = observation
  const opaque = (why: string): Change[] => [{ certainty: 'opaque', target: node.id, why }]
  if (holdsDeferred(node.with)) return opaque('its input comes from steps before it')
  const type = stepTypes.get(node.type)
  if (type === undefined) return opaque(`there is no step type ${node.type}`)
  const deadline = new AbortController()
  const timer = new AbortController()
  const ctx = {
    readers,
    clock,
    signal: AbortSignal.any([signal, deadline.signal]),
    runId: undefined,
    key: undefined,
    lastTry: 'none' as const,
  }
  const looking = async () => type.plan(ctx, node.with, (await type.observe(ctx, node.with)) as unknown)
  const late = clock.sleep(withinMs, AbortSignal.any([signal, timer.signal])).then(
    () => opaque(`no answer within ${withinMs} ms`),
    () => opaque('the planning was stopped'),
  )
  try {
    return await Promise.race([looking().catch((error: unknown) => opaque(messageOf(error))), late])
  } finally {
    deadline.abort()
    timer.abort()
  }
}
