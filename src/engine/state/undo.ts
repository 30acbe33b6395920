import type { Localized } from '#model/localized.ts'
import type { PlanNode } from '#plan/plan.ts'
import type { AnyStepType, StepCall } from '#runbook/step-type.ts'
import { acted, isDone, type NodeView, type RunView, type UndoNode } from './view.ts'

/** A step that a roll back leaves as it is, and why. */
export interface Left {
  node: string
  why: Localized
}

type Types = ReadonlyMap<string, Pick<AnyStepType, 'effect' | 'safeguard' | 'version' | 'input'>>

/**
 * What a roll back does, once every step of the run has ended: a step for each that takes it back, the last first, and
 * what is left as it is. Pure.
 */
export function planUndo(view: RunView, types: Types): { steps: UndoNode[]; left: Left[] } {
  const graph = new Followers(view.plan.subject.nodes)
  const passed = view.plan.subject.nodes.filter(
    (node) =>
      node.gate === null &&
      node.waitFor === undefined &&
      mayBePassed(stateOf(view, node), types.get(node.type)),
  )
  const calls = new Map<PlanNode, StepCall>()
  const left: Left[] = []
  for (const node of view.plan.subject.nodes) {
    const found = judge(node, stateOf(view, node), types, passed, graph)
    if (found === undefined) continue
    if ('type' in found) calls.set(node, found)
    else left.push({ node: node.id, why: found })
  }
  const undone = new Set([...calls.keys()].map(({ id }) => id))
  const steps = [...calls].map(([node, call]) =>
    undoNode(node, call, types.get(call.type)?.version ?? 0, graph.nextAmong(node.id, undone)),
  )
  return { steps: steps.toReversed(), left }
}

/** How a step is taken back, why it is left, or undefined where nothing was done. */
function judge(
  node: PlanNode,
  seen: NodeView,
  types: Types,
  passed: readonly PlanNode[],
  graph: Followers,
): StepCall | Localized | undefined {
  if (node.gate !== null || node.finally === true) return undefined
  if (node.waitFor?.kind === 'person' && isDone(seen.state) && seen.state !== 'skipped') {
    return said('사람이 한 일입니다', 'a person did it')
  }
  if (node.waitFor?.kind === 'run') {
    return seen.state === 'succeeded'
      ? said('끝난 실행은 되돌리지 않습니다', 'its own run had ended: a run that has ended is not taken back')
      : undefined
  }
  const type = types.get(node.type)
  if (!acted(seen) || type?.effect === 'read') return undefined
  if (!isDone(seen.state)) return said('무엇을 했는지 알 수 없습니다', 'what it did is not known')
  if (type?.safeguard === true) {
    return said('운영권과 차단은 되돌리지 않습니다', 'authority and fences are never taken back')
  }
  if (type === undefined || type.effect === 'point-of-no-return') {
    return said('되돌릴 수 없는 지점입니다', 'it is a point of no return')
  }
  const behind = passed.find((point) => standsBefore(node, point, graph))
  if (behind !== undefined) {
    return said(
      `되돌릴 수 없는 지점 ${behind.id}의 앞입니다`,
      `it comes before the point of no return ${behind.id}`,
    )
  }
  if (seen.undo === null) return said('되돌리는 방법이 없는 단계입니다', 'its type has no inverse')
  return usable(seen.undo, types)
    ? seen.undo
    : said('되돌리는 단계를 할 수 없습니다', 'its inverse cannot be run here')
}

/** What somebody changed since and a person left so. */
export function leftChanged(
  steps: readonly UndoNode[],
  { node, by, reason }: { node: string; by: string; reason: string },
): Left {
  return {
    node: steps.find(({ id }) => id === node)?.undoes ?? node,
    why: said(
      `그 뒤에 변경된 것을 ${by}이(가) 그대로 둠: ${reason}`,
      `somebody changed it since, and ${by} left it so: ${reason}`,
    ),
  }
}

/**
 * An effect of which nobody knows whether it happened counts as one that did; so does one whose answer was lost, although
 * nothing is there: its request may still land.
 */
function mayBePassed(seen: NodeView, type: Pick<AnyStepType, 'effect'> | undefined): boolean {
  if (type !== undefined && type.effect !== 'point-of-no-return') return false
  if (acted(seen)) return true
  if (isDone(seen.state)) return type !== undefined && seen.state !== 'skipped'
  return seen.attempts.length > 0 && seen.canceled?.left !== 'absent'
}

/** Of what a point of no return is about, only what came behind it can be taken back. */
function standsBefore(node: PlanNode, point: PlanNode, graph: Followers): boolean {
  if (graph.leadsTo(node.id, point.id)) return true
  const together = node.system === null || point.system === null || node.system === point.system
  return together && !graph.leadsTo(point.id, node.id)
}

function usable({ type, with: input }: StepCall, types: Types): boolean {
  const found = types.get(type)
  return found !== undefined && found.effect !== 'point-of-no-return' && found.input.safeParse(input).success
}

function undoNode(node: PlanNode, call: StepCall, typeVersion: number, needs: string[]): UndoNode {
  return {
    id: `${node.id}~undo`,
    undoes: node.id,
    system: node.system,
    title: { ko: `되돌리기: ${node.title.ko}`, en: `Undo: ${node.title.en}` },
    type: call.type,
    typeVersion,
    with: call.with,
    gate: null,
    needs: needs.map((id) => `${id}~undo`),
    limits: node.limits,
    verify: node.verify,
    wave: node.wave,
  }
}

/** What comes behind what in a plan. */
class Followers {
  readonly #next = new Map<string, string[]>()
  readonly #behind = new Map<string, Set<string>>()

  constructor(nodes: readonly PlanNode[]) {
    for (const { id, needs, after = [] } of nodes) {
      for (const before of [...needs, ...after])
        this.#next.set(before, [...(this.#next.get(before) ?? []), id])
    }
  }

  leadsTo(from: string, to: string): boolean {
    const known = this.#behind.get(from) ?? this.#reach(from, () => true)
    this.#behind.set(from, known)
    return known.has(to)
  }

  /** The nearest of `some` behind a node, on every way. */
  nextAmong(from: string, some: ReadonlySet<string>): string[] {
    return [...this.#reach(from, (id) => !some.has(id))].filter((id) => some.has(id))
  }

  #reach(from: string, goesOn: (id: string) => boolean): Set<string> {
    const found = new Set(this.#next.get(from) ?? [])
    for (const id of found) {
      if (goesOn(id)) for (const next of this.#next.get(id) ?? []) found.add(next)
    }
    return found
  }
}

function stateOf(view: RunView, { id }: PlanNode): NodeView {
  const node = view.nodes.get(id)
  if (node === undefined) throw new Error(`run ${view.id} has no node ${id}`)
  return node
}

function said(ko: string, en: string): Localized {
  return { ko, en }
}
