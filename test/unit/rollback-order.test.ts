import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EngineEvent } from '#engine/state/events.ts'
import { fold, foldEvent } from '#engine/state/fold.ts'
import { IllegalTransition } from '#engine/state/transition.ts'
import { emptyNode, emptyView, type AttemptView, type RunView } from '#engine/state/view.ts'
import { terminalNodeStates, type NodeState } from '#model/states.ts'
import { node, planOf } from '../sim/world/plans.ts'

const at = '2026-11-24T05:00:00.000Z'
const head = { id: 'r', requester: 'operator-1', reason: '', createdAt: at, parent: null }

/** Two steps, each taken back or not, and two at the end, in any state that a roll back can find. */
const seen = fc.record({
  state: fc.constantFrom<NodeState>('waiting', 'running', 'needs-person', 'unknown', 'succeeded', 'canceled'),
  begun: fc.boolean(),
})
const views = fc.record({
  one: seen,
  two: seen,
  clean: seen,
  tidy: seen,
  undo: fc.option(seen),
  canceling: fc.boolean(),
})

type Drawn = typeof views extends fc.Arbitrary<infer T> ? T : never

function viewOf({ undo, canceling, ...states }: Drawn): RunView {
  const atTheEnd = { finally: true } as const
  const plan = planOf([
    node('one', 'sim.set'),
    node('two', 'sim.set'),
    node('clean', 'sim.set', [], atTheEnd),
    node('tidy', 'sim.set', [], atTheEnd),
  ])
  const view = emptyView({ ...head, plan })
  const back = { ...node('one~undo', 'sim.clear'), undoes: 'one' }
  view.state = 'running'
  view.rollingBack = { by: 'commander-1', reason: '', at }
  if (canceling) view.canceling = view.rollingBack
  if (undo !== null) {
    view.undo = { steps: [back], left: [] }
    view.nodes.set(back.id, emptyNode(back.id))
  }
  const all = { ...states, ...(undo === null ? {} : { 'one~undo': undo }) }
  for (const [id, { state, begun }] of Object.entries(all)) {
    const found = view.nodes.get(id)
    if (found === undefined) throw new Error(`no node ${id}`)
    found.state = state
    if (begun || state === 'running' || state === 'unknown') found.attempts.push({} as AttemptView)
  }
  return view
}

/** Whether an event is taken, or refused because it is out of order. */
function taken(view: RunView, event: EngineEvent): boolean {
  try {
    foldEvent(structuredClone(view), event, at, 0)
    return true
  } catch (error) {
    if (error instanceof IllegalTransition) return false
    throw error
  }
}

const open = (view: RunView, id: string) => !terminalNodeStates.has(view.nodes.get(id)?.state ?? 'canceled')
const tried = (view: RunView, id: string) => (view.nodes.get(id)?.attempts.length ?? 0) > 0

test('nothing is taken back before every step has ended, and every one at the end that had begun', () => {
  fc.assert(
    fc.property(views, (drawn) => {
      const view = viewOf({ ...drawn, undo: null })
      const planned = taken(view, { kind: 'run-rollback-planned', steps: [], left: [] })
      const waits = ['one', 'two'].some((id) => open(view, id))
      const cleans = ['clean', 'tidy'].some((id) => open(view, id) && tried(view, id))
      expect(planned).toBe(drawn.canceling || !(waits || cleans))
    }),
  )
})

test('a step at the end that had not begun is begun when all is taken back, not before', () => {
  fc.assert(
    fc.property(views, (drawn) => {
      const view = viewOf({ ...drawn, clean: { state: 'waiting', begun: drawn.clean.begun } })
      const intent = { kind: 'intended', node: 'clean', attempt: 1, input: '', key: '', epoch: null } as const
      const back = drawn.undo !== null && !open(view, 'one~undo')
      expect(taken(view, intent)).toBe(drawn.canceling || drawn.clean.begun || back)
    }),
  )
})

test('a journal that is out of this order is not read', () => {
  const view = emptyView({ ...head, plan: planOf([node('clean', 'sim.set', [], { finally: true })]) })
  const events: EngineEvent[] = [
    { kind: 'run-created', digest: '', requester: '', reason: '' },
    { kind: 'run-started' },
    { kind: 'run-rolling-back', by: '', reason: '', command: 1 },
    { kind: 'intended', node: 'clean', attempt: 1, input: '', key: '', epoch: null },
  ]
  const read = () => {
    for (const [index, event] of events.entries())
      fold(view, { runId: 'r', seq: index + 1, term: 1, actor: '', at, event })
  }
  expect(read).toThrow(IllegalTransition)
})
