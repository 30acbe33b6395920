import type { System } from '#estate/estate.ts'
import type { Bound } from '#expression/expression.ts'
import { manualSchema, waitSchema, type CallDefinition, type StepDefinition } from '#runbook/schema.ts'
import type { CompiledForeach, CompiledStep, Runbook } from '#runbook/runbook.ts'
import { resolveTree, waits, type Surroundings } from '#runbook/value-tree.ts'
import { batchesOf, keysOf } from './foreach.ts'
import { durationMs, joinNode, nodeOf } from './node.ts'
import { needsOf, placesOf } from './places.ts'
import type { PlanNode } from './plan.ts'
import type { PlanRequest } from './request.ts'
import { expressionMistake, givenInputs, inputOf } from './step-input.ts'

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
  readonly request: PlanRequest
  /** Nodes of a step in other systems, for `prerequisites`. Throws HaetaeError. */
  prerequisites(step: StepDefinition, system: string): string[]
  /** A gate that the whole plan shares; several runbooks may have it. */
  rootGate(node: PlanNode): void
  /** Counts a node of a system. Throws HaetaeError when there are too many. */
  take(system: string): void
  readonly nodes: PlanNode[]
  readonly mistakes: string[]
}

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
    if (place.kind === 'root') to.rootGate(nodeOf(step, place.id, null, 0, to.request.mode))
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
  const node = nodeOf(step, id, frame.system.id, frame.wave, to.request.mode)
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
