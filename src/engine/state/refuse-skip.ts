import type { Localized } from '#model/localized.ts'
import { terminalNodeStates } from '#model/states.ts'
import type { PlanNode } from '#plan/plan.ts'
import { readsOutputOf } from '#plan/reads.ts'
import type { AnyStepType } from '#runbook/step-type.ts'
import { openNeeds } from './needs.ts'
import { isGivenUp, mayHaveActed, nodesOf, type NodeView, type RunView } from './view.ts'

export type StepTypes = ReadonlyMap<string, Pick<AnyStepType, 'effect' | 'safeguard'>>

/**
 * Why a node cannot be skipped now; undefined when it can. What needs a skipped node goes on as if it were there, so
 * nothing is skipped that others stand on: people's signatures, what keeps two from writing, a point of no return, an
 * output that somebody reads. And nothing that may have happened: skipped would not be true.
 */
export function refuseSkip(view: RunView, id: string, types: StepTypes): Localized | undefined {
  const node = nodesOf(view).find((each) => each.id === id)
  const seen = view.nodes.get(id)
  if (node === undefined || seen === undefined) return said(`${id} 단계가 없습니다`, `there is no step ${id}`)
  return byKind(node, types) ?? byState(view, node, seen) ?? byReaders(view, id)
}

function byKind(node: PlanNode, types: StepTypes): Localized | undefined {
  const { id, gate, waitFor, type } = node
  if ('undoes' in node) {
    return said(
      `${id}은(는) 되돌리는 단계입니다. 포기하려면 run decide로 fail을 답하십시오`,
      `${id} takes a step back: to leave it, answer fail with run decide when it asks`,
    )
  }
  if (gate !== null) return said(`${id}은(는) 서명으로만 통과합니다`, `${id} is passed by signatures only`)
  if (waitFor?.kind === 'run') {
    return said(
      `${id}은(는) 시스템 하나의 실행입니다. 빼려면 run decide로 fail을 답하십시오`,
      `${id} is the whole run of a system: to leave it out, answer fail with run decide when it asks`,
    )
  }
  if (waitFor?.kind === 'steps' || waitFor?.kind === 'fleet') {
    return said(
      `${id}은(는) 다른 단계의 끝을 셀 뿐입니다`,
      `${id} only counts how other steps ended: skip those`,
    )
  }
  if (waitFor !== undefined) return undefined
  const known = types.get(type)
  if (known === undefined) {
    return said(
      `${type} 유형이 이 데몬에 없습니다`,
      `what ${type} does cannot be told: this daemon has no such type`,
    )
  }
  if (known.safeguard === true) {
    return said(
      `${id}은(는) 두 곳이 함께 쓰지 못하게 막는 단계입니다`,
      `${id} keeps two sites from writing: what comes behind it stands on it`,
    )
  }
  if (known.effect !== 'point-of-no-return') return undefined
  return said(
    `${id}은(는) 되돌릴 수 없는 지점입니다. 뒤의 단계는 이것이 된 것을 전제합니다`,
    `${id} is a point of no return: what comes behind it is right only when it was done`,
  )
}

function byState(view: RunView, node: PlanNode, seen: NodeView): Localized | undefined {
  const { id } = node
  if (seen.state !== 'waiting' && seen.state !== 'needs-person') {
    return terminalNodeStates.has(seen.state)
      ? said(`${id}은(는) 이미 끝났습니다 (${seen.state})`, `${id} has ended: ${seen.state}`)
      : said(`${id}은(는) 진행 중입니다 (${seen.state})`, `${id} is under way: ${seen.state}`)
  }
  if (mayHaveActed(seen)) {
    return said(
      `${id}의 시도가 무엇을 했을 수 있습니다. 확인한 뒤 run decide로 holds 또는 fail을 답하십시오`,
      `a try of ${id} may have done something: look at it, and answer holds or fail with run decide`,
    )
  }
  if (isGivenUp(view, node)) return said('실행이 끝나는 중입니다', 'the run is being ended')
  const open = openNeeds(view, node).map((need) => need.node)
  if (open.length === 0) return undefined
  return said(
    `${id}의 차례가 아닙니다. 먼저 끝나야 하는 단계: ${open.join(', ')}`,
    `it is not the turn of ${id}: it waits for ${open.join(', ')}`,
  )
}

function byReaders(view: RunView, id: string): Localized | undefined {
  const readers = view.plan.subject.nodes.filter(
    (other) =>
      !terminalNodeStates.has(view.nodes.get(other.id)?.state ?? 'waiting') && readsOutputOf(other, id),
  )
  if (readers.length === 0) return undefined
  const names = readers.map((reader) => reader.id).join(', ')
  return said(`${names}에서 ${id}의 결과를 씁니다`, `${names} needs what ${id} gives`)
}

function said(ko: string, en: string): Localized {
  return { ko, en }
}
