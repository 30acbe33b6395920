import type { Json } from '#model/digest.ts'
import { terminalNodeStates } from '#model/states.ts'
import type { PlanNode } from '#plan/plan.ts'
import { endsNode, goesOn, isNodeEvent, type EngineEvent } from '../state/events.ts'
import { endsBeforeUndo, waitsForUndo } from '../state/rollback-order.ts'
import type { planUndo } from '../state/undo.ts'
import { isDone, isEnded, isGivenUp, nodesOf, type NodeView, type RunView } from '../state/view.ts'

/** How what was done is taken back, as of now. */
export type PlanUndo = (view: RunView) => ReturnType<typeof planUndo>

/** What follows from an event: further events, and nodes that became ready. */
interface Follows {
  events: EngineEvent[]
  ready: PlanNode[]
}

const nothing: Follows = { events: [], ready: [] }

/**
 * What follows from events by the graph alone: nodes that become ready, nodes that can never begin, the state of the
 * run. Keeps counts, so that an event costs its own dependents and not the whole graph.
 */
export class RunGraph {
  readonly outputs = new Map<string, Json>()
  readonly #view: RunView
  readonly #plan = new Map<string, PlanNode>()
  readonly #dependents = new Map<string, string[]>()
  /** Those that wait for a node's end, whatever became of it. */
  readonly #followers = new Map<string, string[]>()
  /** What a node waits for: needs that are not done, and others that have not ended. */
  readonly #missing = new Map<string, number>()
  readonly #asked = new Set<string>()
  readonly #planUndo: PlanUndo
  #open = 0
  #undoPlanned = false
  /** Those that do not run at the end. */
  #openSteps = 0

  constructor(view: RunView, planUndo: PlanUndo) {
    this.#view = view
    this.#planUndo = planUndo
    for (const node of nodesOf(view)) this.#enter(node)
  }

  #enter(node: PlanNode): void {
    this.#plan.set(node.id, node)
    for (const need of node.needs) push(this.#dependents, need, node.id)
    for (const other of node.after ?? []) push(this.#followers, other, node.id)
    const undone = node.needs.filter((need) => !isDone(this.node(need).state)).length
    const open = (node.after ?? []).filter((other) => !terminalNodeStates.has(this.node(other).state)).length
    this.#missing.set(node.id, undone + open)
    const { state, output } = this.node(node.id)
    if (state === 'needs-person') this.#asked.add(node.id)
    if (!terminalNodeStates.has(state)) this.#open += 1
    if (!terminalNodeStates.has(state) && node.finally !== true) this.#openSteps += 1
    if (isDone(state)) this.outputs.set(node.id, output)
  }

  node(id: string): NodeView {
    const node = this.#view.nodes.get(id)
    if (node === undefined) throw new Error(`run ${this.#view.id} has no node ${id}`)
    return node
  }

  planNode(id: string): PlanNode {
    const node = this.#plan.get(id)
    if (node === undefined) throw new Error(`run ${this.#view.id} has no node ${id}`)
    return node
  }

  /** Nodes that can be worked on now. */
  ready(): PlanNode[] {
    return [...this.#plan.values()].filter(({ id }) => this.#isReady(id))
  }

  #isReady(id: string): boolean {
    const { state } = this.node(id)
    if (state === 'needs-person' || terminalNodeStates.has(state) || this.#missing.get(id) !== 0) return false
    const node = this.planNode(id)
    if (node.finally !== true || this.#view.rollingBack === null) return true
    return this.#view.canceling === null ? !waitsForUndo(this.#view, node) : this.#openSteps === 0
  }

  /** What follows from an event that was folded just now: further events, and nodes that became ready. */
  after(event: EngineEvent): Follows {
    if (event.kind === 'run-canceling') return this.#canceling()
    if (event.kind === 'run-rolling-back') return this.#rollingBack()
    if (event.kind === 'run-rollback-planned') return this.#rollBack(event.steps)
    if (!isNodeEvent(event)) return nothing
    const node = this.node(event.node)
    if (node.state === 'needs-person') this.#asked.add(node.id)
    else this.#asked.delete(node.id)
    if (endsNode(event)) return this.#ended(node)
    const isGivenUpNow = this.#view.canceling !== null && isGivenUp(this.#view, this.planNode(node.id))
    if (event.kind === 'asked' && isGivenUpNow) {
      return { events: [canceled(node, 'the run was canceled')], ready: [] }
    }
    const again = event.kind === 'decided' && goesOn(event.decision)
    return { events: [], ready: again ? [this.planNode(node.id)] : [] }
  }

  /** What a cancel that was written from outside leaves to be told. */
  left(): EngineEvent[] {
    return this.#canceling().events
  }

  /** Ends what waits; what is under way ends by itself. */
  #canceling(): Follows {
    const idle = this.#idle().filter((node) => !this.#runsAtTheEnd(node.id))
    return { events: idle.map((node) => canceled(node, 'the run was canceled')), ready: [] }
  }

  /** Ends what was never tried. What was tried is looked at: by itself, or anew where it asked a person. */
  #rollingBack(): Follows {
    const events = this.#idle()
      .filter((node) => !this.#runsAtTheEnd(node.id))
      .flatMap((node): EngineEvent[] => {
        const isStep = this.planNode(node.id).waitFor === undefined
        if (node.attempts.length === 0 || !isStep) return [canceled(node, 'the run is rolled back')]
        return node.state === 'needs-person' ? [lookAgain(this.#view, node)] : []
      })
    return { events, ready: [] }
  }

  #rollBack(steps: readonly PlanNode[]): Follows {
    for (const step of steps) this.#enter(step)
    const ready = steps.length === 0 ? this.#atTheEnd() : steps.filter(({ id }) => this.#isReady(id))
    return { events: [], ready: [...ready] }
  }

  #idle(): NodeView[] {
    return [...this.#view.nodes.values()].filter(
      ({ state }) => state === 'waiting' || state === 'needs-person',
    )
  }

  #runsAtTheEnd(id: string): boolean {
    return this.#view.startedAt !== null && this.planNode(id).finally === true
  }

  #atTheEnd(): PlanNode[] {
    return this.ready().filter((node) => node.finally === true)
  }

  #ended(node: NodeView): Follows {
    this.#open -= 1
    const isStep = this.planNode(node.id).finally !== true
    if (isStep) this.#openSteps -= 1
    const dependents = this.#dependents.get(node.id) ?? []
    const waiting = [...(this.#followers.get(node.id) ?? [])]
    const events: EngineEvent[] = []
    if (isDone(node.state)) {
      this.outputs.set(node.id, node.output)
      waiting.push(...dependents)
    } else {
      const why = `it needs ${node.id}, which is ${node.state}`
      events.push(...dependents.map((id) => canceled(this.node(id), why)))
    }
    for (const id of waiting) this.#missing.set(id, (this.#missing.get(id) ?? 0) - 1)
    if (this.#openSteps === 0 && this.#view.rollingBack !== null) return this.#stepsEnded(events)
    const ready = [...new Set(waiting)].filter((id) => this.#isReady(id))
    return { events, ready: ready.map((id) => this.planNode(id)) }
  }

  /** In a roll back: every step has ended, or every one that takes back has. Those at the end that had begun end first. */
  #stepsEnded(events: EngineEvent[]): Follows {
    const { canceling, undo, nodes } = this.#view
    if (canceling !== null || undo !== null) return { events, ready: this.#atTheEnd() }
    const open = [...this.#plan.values()].some((node) => endsBeforeUndo(node, nodes.get(node.id)))
    if (open || this.#undoPlanned) return { events, ready: [] }
    this.#undoPlanned = true
    return { events: [...events, { kind: 'run-rollback-planned', ...this.#planUndo(this.#view) }], ready: [] }
  }

  /** What the states of the nodes mean for the run, when that is news. */
  runEvent(): EngineEvent | undefined {
    const view = this.#view
    if (isEnded(view)) return undefined
    if (this.#open === 0) return { kind: 'run-ended', outcome: outcomeOf(view) }
    if (view.state === 'paused') return undefined
    const asks = this.#asked.size > 0 || view.question !== null
    if (asks && view.state !== 'needs-person') return { kind: 'run-asked', question: null }
    if (asks || view.state !== 'needs-person') return undefined
    return { kind: 'run-goes-on', to: view.startedAt === null ? 'waiting' : 'running', command: null }
  }
}

/** Who rolls a run back has every step looked at again that asked. */
function lookAgain({ rollingBack }: RunView, node: NodeView): EngineEvent {
  const { by, reason } = rollingBack ?? { by: '', reason: '' }
  return { kind: 'decided', node: node.id, decision: 'retry', by, reason, command: 0, output: null }
}

function canceled(node: NodeView, why: string): EngineEvent {
  return {
    kind: 'node-canceled',
    node: node.id,
    left: node.attempts.length === 0 ? 'untouched' : 'unknown',
    why,
  }
}

/** What runs at the end masks nothing, and a failure that its `foreach` allows is none of the run. */
function outcomeOf(view: RunView): 'succeeded' | 'failed' | 'canceled' | 'rolled-back' {
  if (view.canceling !== null) return 'canceled'
  if (view.undo !== null) {
    const all = view.undo.steps.every(({ id }) => isDone(view.nodes.get(id)?.state ?? 'waiting'))
    return all ? 'rolled-back' : 'failed'
  }
  const plan = new Map(view.plan.subject.nodes.map((node) => [node.id, node]))
  const counts = (node: PlanNode): boolean => {
    if (node.finally === true) return false
    const group = node.group === undefined ? undefined : plan.get(node.group)
    if (group === undefined) return true
    return !isDone(view.nodes.get(group.id)?.state ?? 'waiting') && counts(group)
  }
  const bad = view.plan.subject.nodes.some((node) => {
    const state = view.nodes.get(node.id)?.state
    return (state === 'failed' || state === 'canceled') && counts(node)
  })
  return bad ? 'failed' : 'succeeded'
}

function push(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key) ?? []
  lists.set(key, list)
  list.push(value)
}
