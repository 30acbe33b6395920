import type { System } from '#estate/estate.ts'
import { ExpressionError } from '#expression/error.ts'
import type { Bound, Expression } from '#expression/expression.ts'
import {
  builtIns,
  manualSchema,
  waitSchema,
  type CallDefinition,
  type StepDefinition,
} from '#runbook/schema.ts'
import type { CompiledForeach, CompiledStep, Runbook } from '#runbook/runbook.ts'
import { holdsDeferred, resolveTree, waits, type Surroundings } from '#runbook/value-tree.ts'
import { inputFits } from '#runbook/variables.ts'
import { batchesOf, keysOf } from './foreach.ts'
import { durationMs, joinNode, nodeOf } from './node.ts'
import type { PlanNode } from './plan.ts'
import type { FailoverRequest } from './request.ts'

/** The nodes of gates at the root of a plan, which every system of it shares. */
const rootGates = { approval: 'approve', attestation: 'attest' } as const

/** What one runbook becomes for one system; nested where it calls others. */
export interface Frame {
  readonly runbook: Runbook
  readonly system: System
  readonly wave: number
  /** What the ids of its nodes begin with: the system, or the node that called it. */
  readonly prefix: string
  readonly values: Record<string, unknown>
  /** What a step needs that needs nothing in its own file: the needs of the call. */
  readonly entry: readonly string[]
  /** Gates of the whole plan that stand at the beginning. */
  readonly rootNeeds: readonly string[]
  readonly group: string | undefined
}

/** Collects what a plan is made of. */
export interface Expansion {
  readonly request: FailoverRequest
  /** Nodes of a step in other systems, for `prerequisites`. Throws HaetaeError. */
  prerequisites(step: StepDefinition, system: string): string[]
  /** A gate that the whole plan shares; several runbooks may have it. */
  rootGate(node: PlanNode): void
  /** Counts a node of a system. Throws HaetaeError when there are too many. */
  take(system: string): void
  readonly nodes: PlanNode[]
  readonly mistakes: string[]
}

type Place = { kind: 'root' | 'own'; id: string } | { kind: 'left-out' }
type Places = ReadonlyMap<string, Place>

/** Nodes of a frame: every one, and those that whoever comes after the whole needs. */
interface Made {
  all: string[]
  last: string[]
  ending: string[]
}

/** Adds the nodes of one runbook for one system, with everything that it calls and repeats. */
export function expand(frame: Frame, to: Expansion): Made {
  const { runbook, values } = frame
  const bound = runbook.scope.bind(values)
  const places = placesOf(frame, bound)
  const made: Made = { all: [], last: [], ending: [] }
  if (typeof places === 'string') {
    to.mistakes.push(places)
    return made
  }
  const rootNeeds = [
    ...new Set([
      ...frame.rootNeeds,
      ...[...places.values()].flatMap((at) => (at.kind === 'root' ? [at.id] : [])),
    ]),
  ]
  const needed = new Set<string>()
  for (const step of runbook.steps) {
    const place = places.get(step.definition.id)
    if (place === undefined || place.kind === 'left-out') continue
    const own = needsOf(step.definition, runbook, places)
    for (const need of own) needed.add(need)
    const context: StepContext = { frame: { ...frame, rootNeeds }, to, bound, made, id: place.id }
    if (place.kind === 'root') to.rootGate(nodeOf(step, place.id, null, 0))
    else if (step.ending) addEnding(step, own, context)
    else
      addStep(
        step,
        [...(own.length > 0 ? own : frame.entry), ...to.prerequisites(step.definition, frame.system.id)],
        context,
      )
  }
  made.last = [...places.values()].flatMap((place) =>
    place.kind === 'own' && !needed.has(place.id) && !made.ending.includes(place.id) ? [place.id] : [],
  )
  return made
}

interface StepContext {
  readonly frame: Frame
  readonly to: Expansion
  readonly bound: Bound
  readonly made: Made
  readonly id: string
}

function push(node: PlanNode, { frame, to, made }: StepContext): void {
  to.take(frame.system.id)
  to.nodes.push(node)
  made.all.push(node.id)
}

function addStep(step: CompiledStep, needs: string[], context: StepContext): void {
  if (step.foreach !== undefined) return addForeach(step, step.foreach, needs, context)
  const { frame, bound, id } = context
  addOne(step, needs, { values: frame.values, bound, within: within(frame) }, context, id, frame.group)
}

/** A step under `finally`: it begins when all that stand outside have ended. */
function addEnding(step: CompiledStep, needs: string[], context: StepContext): void {
  const { frame, made, bound, id } = context
  const after = made.all.filter((each) => !made.ending.includes(each))
  const node = plainNode(
    step,
    [...frame.rootNeeds, ...needs],
    { values: frame.values, bound, within: within(frame) },
    context,
    id,
    frame.group,
  )
  node.after = after
  node.finally = true
  push(node, context)
  made.ending.push(id)
}

/** One node, or what the called runbook becomes and the node at which it has ended. */
function addOne(
  step: CompiledStep,
  needs: string[],
  around: Surroundings,
  context: StepContext,
  id: string,
  group: string | undefined,
): void {
  if (step.definition.type === 'runbook') return addCall(step, needs, around, context, id, group)
  push(plainNode(step, needs, around, context, id, group), context)
}

function plainNode(
  step: CompiledStep,
  needs: string[],
  around: Surroundings,
  { frame, to }: StepContext,
  id: string,
  group: string | undefined,
): PlanNode {
  const node = nodeOf(step, id, frame.system.id, frame.wave)
  node.needs = [...new Set(needs)]
  if (group !== undefined) node.group = group
  if (step.gate !== null) return node
  const made = inputOf(step, id, around, to.request)
  if (typeof made === 'string') to.mistakes.push(made)
  else if (step.definition.type === 'manual') node.waitFor = { kind: 'person', ...manualSchema.parse(made) }
  else if (step.definition.type === 'wait')
    node.waitFor = { kind: 'time', ms: durationMs(waitSchema.parse(made).for) }
  else node.with = made
  return node
}

function addCall(
  step: CompiledStep,
  needs: string[],
  around: Surroundings,
  context: StepContext,
  id: string,
  group: string | undefined,
): void {
  const { frame, to, made } = context
  const call = inputOf(step, id, around, to.request)
  if (typeof call === 'string') return void to.mistakes.push(call)
  const { runbook: name, inputs: given } = call as unknown as CallDefinition
  const runbook = to.request.runbooks.get(name)
  if (runbook === undefined) return void to.mistakes.push(`${id}: there is no runbook ${name}`)
  const inputs = givenInputs(runbook, given)
  if (typeof inputs === 'string') return void to.mistakes.push(`${id}: ${inputs}`)
  const inner = expand(
    { ...frame, runbook, prefix: id, values: { ...frame.values, inputs }, entry: needs, group },
    to,
  )
  const join = joinNode(step.definition, id, frame.system.id, frame.wave, 'runbook')
  join.with = { runbook: name, digest: runbook.digest }
  join.needs = inner.last.length > 0 ? inner.last : [...new Set(needs)]
  if (inner.ending.length > 0) join.after = inner.ending
  if (group !== undefined) join.group = group
  made.all.push(...inner.all)
  push(join, context)
}

/** One node an item, in batches: each batch begins at the node that says how the ones before it ended. */
function addForeach(
  step: CompiledStep,
  foreach: CompiledForeach,
  needs: string[],
  context: StepContext,
): void {
  const { frame, to, id } = context
  const { definition } = step
  const { scope } = foreach
  const items = itemsOf(foreach, context)
  if (typeof items === 'string') return void to.mistakes.push(`${id}: ${items}`)
  const around = items.map((item, index): Surroundings => {
    const values = { ...frame.values, item, index }
    return { values, bound: scope.bind(values), within: within(frame) }
  })
  const keys = keysOf(foreach, items, around)
  if (typeof keys === 'string') return void to.mistakes.push(`${id}: ${keys}`)
  const ended: string[] = []
  let begin = needs
  const batches = batchesOf(items.length, foreach.definition)
  for (const [nth, { from, to: end }] of batches.entries()) {
    for (let index = from; index < end; index++) {
      const item = `${id}/${keys[index] ?? index}`
      addOne(step, begin, around[index] as Surroundings, context, item, id)
      ended.push(item)
    }
    const isLast = nth === batches.length - 1
    const gate = joinNode(
      definition,
      isLast ? id : `${id}/batch-${nth + 1}`,
      frame.system.id,
      frame.wave,
      'foreach',
      foreach.definition.maxFailures,
    )
    gate.needs = nth === 0 ? [...new Set(needs)] : begin
    gate.after = [...ended]
    if (frame.group !== undefined) gate.group = frame.group
    push(gate, context)
    begin = [gate.id]
  }
  if (batches.length > 0) return
  const none = joinNode(definition, id, frame.system.id, frame.wave, 'foreach')
  none.needs = [...new Set(needs)]
  push(none, context)
}

function itemsOf({ items }: CompiledForeach, { frame, bound }: StepContext): unknown[] | string {
  if (items.kind === 'expression' && waits(items.expression, frame.values))
    return `${items.expression.source}: items are known when the plan is made, and this waits for outputs`
  try {
    const made = resolveTree(items, { values: frame.values, bound })
    if (!Array.isArray(made)) return 'the items are no list'
    return made.length > 200 ? `${made.length} items, and at most 200 are repeated` : (made as unknown[])
  } catch (error) {
    return expressionMistake(error)
  }
}

/** The steps of a frame that is no system's own are named by what its ids begin with. */
function within({ prefix, system }: Frame): string | undefined {
  return prefix === system.id ? undefined : prefix
}

/** Where each step goes, or what is wrong. An approval that needs only approvals is the whole plan's. */
function placesOf({ runbook, prefix, system, values }: Frame, bound: Bound): Map<string, Place> | string {
  const places = new Map<string, Place>()
  for (const { definition, gate, when } of runbook.steps) {
    const id = `${prefix}/${definition.id}`
    const holds = when === undefined || tryCondition(when, values, bound, id)
    if (typeof holds === 'string') return holds
    const atRoot =
      gate !== null &&
      prefix === system.id &&
      definition.needs.every((need) => places.get(need)?.kind === 'root')
    if (!holds) places.set(definition.id, { kind: 'left-out' })
    else if (!atRoot) places.set(definition.id, { kind: 'own', id })
    else
      places.set(definition.id, {
        kind: 'root',
        id: gate.purpose === 'attestation' ? rootGates.attestation : rootGates.approval,
      })
  }
  return places
}

function tryCondition(
  when: Expression,
  values: Record<string, unknown>,
  bound: Bound,
  id: string,
): boolean | string {
  if (waits(when, values))
    return `${id}: ${when.source}: a condition is decided when the plan is made, and this waits for outputs`
  try {
    return when.evaluate(bound) === true
  } catch (error) {
    return `${id}: ${expressionMistake(error)}`
  }
}

/** Nodes that a step needs; of a step that is left out, those that it would have needed. */
function needsOf(step: StepDefinition, runbook: Runbook, places: Places): string[] {
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

/** The values of a called runbook's inputs, or what is wrong. What waits for outputs is checked where it is used. */
function givenInputs(
  { definition }: Runbook,
  given: Record<string, unknown>,
): Record<string, unknown> | string {
  const inputs: Record<string, unknown> = {}
  for (const [name, input] of Object.entries(definition.inputs)) {
    const value = Object.hasOwn(given, name) ? given[name] : input.default
    if (!holdsDeferred(value) && !inputFits[input.type](value))
      return `${definition.metadata.name} takes ${input.type} for ${name}`
    inputs[name] = value
  }
  return inputs
}

/** The step's input, or what is wrong with it. Whole inputs are checked; what waits for outputs is checked when it runs. */
function inputOf(
  { definition, input }: CompiledStep,
  id: string,
  around: Surroundings,
  { stepTypes }: FailoverRequest,
): Record<string, unknown> | string {
  try {
    const made = resolveTree(input, around) as Record<string, unknown>
    const builtIn = builtIns.get(definition.type)
    if (holdsDeferred(made) && builtIn === undefined) return made
    if (holdsDeferred(made) && definition.type !== 'runbook')
      return `${id}: a ${definition.type} step is known when the plan is made, and this waits for outputs`
    const checked = (builtIn ?? stepTypes.get(definition.type)?.input)?.safeParse(made)
    if (checked === undefined) return `${id}: there is no step type ${definition.type}`
    if (checked.success) return checked.data as Record<string, unknown>
    return checked.error.issues
      .map((issue) => `${id}: with.${issue.path.join('.')}: ${issue.message}`)
      .join('\n')
  } catch (error) {
    return `${id}: ${expressionMistake(error)}`
  }
}

function expressionMistake(error: unknown): string {
  if (!(error instanceof ExpressionError)) throw error
  return `${error.source}: ${error.message}`
}
