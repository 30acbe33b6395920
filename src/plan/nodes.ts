import type { System } from '#estate/estate.ts'
import type { EstateGraph } from '#estate/graph.ts'
import { needsWithin } from '#estate/order.ts'
import { ExpressionError } from '#expression/error.ts'
import type { Bound, Expression } from '#expression/expression.ts'
import { HaetaeError } from '#model/errors.ts'
import { parseDuration } from '#model/time.ts'
import type { CompiledStep, Runbook } from '#runbook/runbook.ts'
import { holdsDeferred, resolveTree } from '#runbook/value-tree.ts'
import { gateType, type StepDefinition } from '#runbook/schema.ts'
import type { NodeLimits, PlanNode } from './plan.ts'
import type { FailoverRequest } from './request.ts'
import { valuesOf } from './values.ts'

/** The nodes of gates at the root of a plan, which every system of it shares: by purpose. */
const rootGates = { failover: 'approve', attestation: 'attest' } as const

const dayMs = 86_400_000
/** People take as long as they take; how long a signature counts is policy. */
const gateLimits: NodeLimits = { attemptMs: dayMs, totalMs: dayMs, retryMax: 0, retryBaseMs: 1000 }
/** For a step that only reads and says nothing itself. */
const defaults = { timeout: { attempt: '10s', total: '5m' }, retry: { max: 3, pause: '1s' } }

interface Moving {
  system: System
  wave: number
  runbook: Runbook
}

/**
 * The flat graph: gates of the whole plan first, then every system's steps in the order of the waves.
 * Throws `plan-impossible` with every value that could not be made.
 */
export function nodesOf(
  request: FailoverRequest,
  graph: EstateGraph,
  moving: readonly Moving[],
  inputs: Record<string, unknown>,
): PlanNode[] {
  const gates = new Map<string, PlanNode>()
  const nodes: PlanNode[] = []
  const mistakes: string[] = []
  const needs = needsWithin(graph, new Set(moving.map(({ system }) => system.id)))
  const runbookOf = new Map(moving.map(({ system, runbook }) => [system.id, runbook]))
  for (const { system, wave, runbook } of moving) {
    const values = valuesOf(request, system, inputs)
    const bound = runbook.scope.bind(values)
    const place = placesOf(runbook, system.id, bound)
    if (typeof place === 'string') {
      mistakes.push(place)
      continue
    }
    for (const step of runbook.steps) {
      const at = place.get(step.definition.id)
      if (at === undefined || at.kind === 'left-out') continue
      if (at.kind === 'root' && gates.has(at.id)) {
        widen(gates.get(at.id), step)
        continue
      }
      const node = nodeOf(step, at.id, at.kind === 'root' ? null : system.id, at.kind === 'root' ? 0 : wave)
      node.needs = [
        ...needsOf(step.definition, runbook, place),
        ...prerequisitesOf(step.definition, system.id, needs.get(system.id) ?? [], runbookOf),
      ]
      if (step.gate === null) {
        const made = inputOf(step, node.id, values, bound, request)
        if (typeof made === 'string') mistakes.push(made)
        else node.with = made
      }
      if (at.kind === 'root') gates.set(at.id, node)
      else nodes.push(node)
    }
  }
  if (mistakes.length > 0)
    throw new HaetaeError('plan-impossible', `${mistakes.length} values of steps`, {
      why: mistakes.slice(0, 20).join('\n'),
      remedy: 'Correct the estate entries or the runbook, then plan again.',
    })
  return [...gates.values(), ...nodes]
}

type Place = { kind: 'root' | 'own'; id: string } | { kind: 'left-out' }

/** Where each step of a runbook goes for one system, or what is wrong. A gate that needs only gates is the whole plan's. */
function placesOf(runbook: Runbook, system: string, bound: Bound): Map<string, Place> | string {
  const places = new Map<string, Place>()
  for (const { definition, gate, when } of runbook.steps) {
    const id = `${system}/${definition.id}`
    const holds = when === undefined || tryEvaluate(when, bound, id)
    if (typeof holds === 'string') return holds
    const atRoot = gate !== null && definition.needs.every((need) => places.get(need)?.kind === 'root')
    if (!holds) places.set(definition.id, { kind: 'left-out' })
    else
      places.set(definition.id, atRoot ? { kind: 'root', id: rootGates[gate.purpose] } : { kind: 'own', id })
  }
  return places
}

function tryEvaluate(when: Expression, bound: Bound, id: string): boolean | string {
  try {
    return when.evaluate(bound) === true
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    return `${id}: ${error.source}: ${error.message}`
  }
}

/** Nodes that a step needs; of a step that is left out, those that it would have needed. */
function needsOf(step: StepDefinition, runbook: Runbook, places: ReadonlyMap<string, Place>): string[] {
  const found = new Set<string>()
  const look = (ids: readonly string[]) => {
    for (const id of ids) {
      const place = places.get(id)
      if (place?.kind === 'left-out')
        look(runbook.steps.find(({ definition }) => definition.id === id)?.definition.needs ?? [])
      else if (place !== undefined) found.add(place.id)
    }
  }
  look(step.needs)
  return [...found]
}

/** The named step of every system of the plan that this one cannot serve without. */
function prerequisitesOf(
  { id, prerequisites }: StepDefinition,
  system: string,
  others: readonly string[],
  runbookOf: ReadonlyMap<string, Runbook>,
): string[] {
  if (prerequisites === undefined) return []
  return others.map((other) => {
    const runbook = runbookOf.get(other)
    if (
      runbook?.steps.some(
        ({ definition }) => definition.id === prerequisites && definition.when === undefined,
      ) !== true
    )
      throw new HaetaeError('plan-impossible', `${system}/${id}`, {
        why: `it waits for ${other}/${prerequisites}, and runbook ${runbook?.definition.metadata.name ?? '?'} has no such step for sure`,
      })
    return `${other}/${prerequisites}`
  })
}

function nodeOf(step: CompiledStep, id: string, system: string | null, wave: number): PlanNode {
  const { definition, gate, typeVersion } = step
  const { verify } = definition
  return {
    id,
    system,
    title: definition.title,
    type: gate === null ? definition.type : gateType,
    typeVersion,
    with: {},
    gate: gate === null ? null : { ...gate },
    needs: [],
    limits: gate === null ? limitsOf(definition) : gateLimits,
    verify: verify === undefined ? null : { withinMs: ms(verify.within), everyMs: ms(verify.every) },
    wave,
  }
}

/** A shared gate asks for as many people as the strictest of its runbooks. */
function widen(node: PlanNode | undefined, { gate }: CompiledStep): void {
  if (node?.gate != null && gate !== null) node.gate.quorum = Math.max(node.gate.quorum, gate.quorum)
}

function limitsOf({ timeout = defaults.timeout, retry = defaults.retry }: StepDefinition): NodeLimits {
  return {
    attemptMs: ms(timeout.attempt),
    totalMs: ms(timeout.total),
    retryMax: retry.max,
    retryBaseMs: ms(retry.pause),
  }
}

function ms(duration: string): number {
  return parseDuration(duration) ?? 0
}

/** The step's input, or what is wrong with it. Whole inputs are checked; what waits for outputs is checked when it runs. */
function inputOf(
  step: CompiledStep,
  id: string,
  values: Record<string, unknown>,
  bound: Bound,
  { stepTypes }: FailoverRequest,
): Record<string, unknown> | string {
  try {
    const made = resolveTree(step.input, values, bound) as Record<string, unknown>
    if (holdsDeferred(made)) return made
    const checked = stepTypes.get(step.definition.type)?.input.safeParse(made)
    if (checked === undefined) return `${id}: there is no step type ${step.definition.type}`
    if (checked.success) return checked.data as Record<string, unknown>
    return checked.error.issues
      .map((issue) => `${id}: with.${issue.path.join('.')}: ${issue.message}`)
      .join('\n')
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    return `${id}: ${error.source}: ${error.message}`
  }
}
