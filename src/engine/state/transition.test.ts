import fc from 'fast-check'
import { expect, test } from 'vitest'
import { terminalNodeStates, terminalRunStates, type NodeState, type RunState } from '#model/states.ts'
import type { NodeEvent, Question, RunEvent } from './events.ts'
import { IllegalTransition, transitionNode, transitionRun } from './transition.ts'

const failure = { kind: 'error' as const, message: 'no' }
const question: Question = { reason: 'unclear', text: '', facts: {}, choices: ['retry', 'holds', 'fail'] }
const node = 'n'
const decided = { kind: 'decided' as const, node, by: 'p', reason: '', command: 1, output: null }

const nodeEvents: NodeEvent[] = [
  { kind: 'approvals-counted', node, by: [] },
  { kind: 'intended', node, attempt: 1, input: '', key: '', epoch: null },
  { kind: 'proven', node, attempt: 1 },
  { kind: 'applied', node, attempt: 1, output: null },
  { kind: 'succeeded', node, output: null },
  { kind: 'adopted', node, output: null, afterAttempt: true },
  { kind: 'attempt-failed', node, attempt: 1, failure, retryAt: null },
  { kind: 'attempt-unknown', node, attempt: 1, failure },
  { kind: 'not-seen', node, failure, retryAt: null },
  { kind: 'asked', node, question },
  { ...decided, decision: 'retry' },
  { ...decided, decision: 'replan' },
  { ...decided, decision: 'holds' },
  { ...decided, decision: 'fail' },
  { kind: 'node-skipped', node, failure },
  { kind: 'skipped', node, by: '', reason: '', command: 1 },
  { kind: 'node-canceled', node, left: 'untouched', why: '' },
  { kind: 'progress', node, message: '' },
  { kind: 'child-paused', node, run: 'r.n', paused: { by: '', reason: '' } },
  { kind: 'child-ended', node, run: 'r.n', outcome: 'failed' },
]
const nodeStates: NodeState[] = [
  ...(['waiting', 'running', 'unknown', 'needs-person'] as const),
  ...(['succeeded', 'adopted', 'failed', 'skipped', 'canceled'] as const),
]

const runEvents: RunEvent[] = [
  { kind: 'run-created', digest: '', requester: '', reason: '' },
  { kind: 'term-taken', term: 1, holder: '' },
  { kind: 'run-started' },
  { kind: 'run-asked', question: null },
  { kind: 'run-goes-on', to: 'waiting', command: null },
  { kind: 'run-goes-on', to: 'running', command: null },
  { kind: 'run-canceling', by: '', reason: '', command: 1 },
  { kind: 'run-paused', by: '', reason: '', command: 1 },
  { kind: 'run-paused', by: '', reason: '', command: 1, whose: 'fleet' },
  { kind: 'run-resumed', to: 'paused', by: '', reason: '', command: 1, whose: 'own' },
  { kind: 'run-resumed', to: 'waiting', by: '', reason: '', command: 1 },
  { kind: 'run-resumed', to: 'running', by: '', reason: '', command: null },
  { kind: 'run-ended', outcome: 'succeeded' },
  { kind: 'run-ended', outcome: 'failed' },
  { kind: 'run-ended', outcome: 'canceled' },
  { kind: 'run-rolling-back', by: '', reason: '', command: 1 },
  { kind: 'run-rollback-planned', steps: [], left: [] },
  { kind: 'run-ended', outcome: 'rolled-back' },
  { kind: 'run-preempted', run: '', by: '', reason: '' },
  { kind: 'run-locked-again' },
  { kind: 'run-taken-over', by: [], reason: '' },
]
const runStates: RunState[] = [
  ...(['waiting', 'running', 'needs-person', 'paused'] as const),
  ...(['succeeded', 'failed', 'canceled', 'rolled-back'] as const),
]

/** The next state, or undefined where the event does not fit. Anything else thrown fails the test. */
function next<S, E>(transition: (state: S, event: E) => S, state: S, event: E): S | undefined {
  try {
    return transition(state, event)
  } catch (error) {
    if (error instanceof IllegalTransition) return undefined
    throw error
  }
}

/** States that can be reached from one, itself included. */
function reachable<S, E>(transition: (state: S, event: E) => S, from: S, events: readonly E[]): Set<S> {
  const found = new Set([from])
  for (const state of found) {
    for (const event of events) {
      const to = next(transition, state, event)
      if (to !== undefined) found.add(to)
    }
  }
  return found
}

const walk = fc.array(fc.constantFrom(...nodeEvents), { maxLength: 60 })

/** The events of a walk that fit, each with the state before and after it. */
function legal(events: readonly NodeEvent[]) {
  let state: NodeState = 'waiting'
  return events.flatMap((event) => {
    const to = next(transitionNode, state, event)
    if (to === undefined) return []
    const step = { from: state, event, to }
    state = to
    return [step]
  })
}

test('a node that has ended takes no event', () => {
  for (const state of terminalNodeStates) {
    for (const event of nodeEvents)
      expect(next(transitionNode, state, event), `${state} ${event.kind}`).toBeUndefined()
  }
})

test('every node state is reached, and from every one there is a way to an end', () => {
  expect([...reachable(transitionNode, 'waiting' as NodeState, nodeEvents)].toSorted()).toEqual(
    nodeStates.toSorted(),
  )
  for (const state of nodeStates) {
    const ends = [...reachable(transitionNode, state, nodeEvents)].filter((to) => terminalNodeStates.has(to))
    expect(ends.length, state).toBeGreaterThan(0)
  }
})

test('a node runs only after an intent, and an intent always makes it run', () => {
  fc.assert(
    fc.property(walk, (events) => {
      for (const { from, event, to } of legal(events)) {
        if (to === 'running' && from !== 'running') expect(event.kind).toBe('intended')
        if (event.kind === 'intended') expect(to).toBe('running')
      }
    }),
  )
})

test('an attempt whose answer was lost is never taken for failed or tried on from there without a look', () => {
  fc.assert(
    fc.property(walk, (events) => {
      for (const { from, event, to } of legal(events)) {
        if (from === 'unknown') expect(['attempt-failed', 'applied']).not.toContain(event.kind)
        if (from === 'unknown') expect(['waiting', 'failed']).not.toContain(to)
      }
    }),
  )
})

test('what asks a person goes on by a decision, a skip or a cancel only, and only a person gives a node up, or its own run', () => {
  fc.assert(
    fc.property(walk, (events) => {
      for (const { from, event, to } of legal(events)) {
        if (from === 'needs-person') expect(['decided', 'skipped', 'node-canceled']).toContain(event.kind)
        if (event.kind === 'decided') expect(from).toBe('needs-person')
        if (to === 'failed') expect(['decided', 'child-ended']).toContain(event.kind)
      }
    }),
  )
})

test('a run that has ended takes no event, and every other one can end', () => {
  for (const state of runStates) {
    for (const event of runEvents) {
      const to = next(transitionRun, state as RunState | undefined, event)
      const ends = event.kind === 'run-ended' && !terminalRunStates.has(state) ? event.outcome : undefined
      const over = terminalRunStates.has(state) || event.kind === 'run-ended'
      expect(over ? to : undefined, `${state} ${event.kind}`).toBe(ends)
    }
  }
})

test('a run begins with its creation, once, and every state is reached', () => {
  for (const event of runEvents) {
    const to = next(transitionRun, undefined, event)
    expect(to, event.kind).toBe(event.kind === 'run-created' ? 'waiting' : undefined)
  }
  for (const state of runStates) {
    expect(next(transitionRun, state as RunState | undefined, runEvents[0] as RunEvent)).toBeUndefined()
  }
  const all = reachable(transitionRun, undefined as RunState | undefined, runEvents)
  expect([...all].filter((state) => state !== undefined).toSorted()).toEqual(runStates.toSorted())
})

test('a run that waits for a person runs on only when it is said so', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...runEvents), { maxLength: 40 }), (events) => {
      let state: RunState | undefined
      for (const event of events) {
        const to = next(transitionRun, state, event)
        if (to === undefined) continue
        if (state === 'needs-person' && to === 'running') expect(event.kind).toBe('run-goes-on')
        if (to === 'running' && state === 'waiting') expect(event.kind).toBe('run-started')
        state = to
      }
    }),
  )
})

test('a paused run starts nothing, and stays paused until it is resumed or has ended', () => {
  const from = (state: RunState) =>
    runEvents.flatMap((event) => {
      const to = next(transitionRun, state as RunState | undefined, event)
      return to === undefined ? [] : [{ kind: event.kind, to }]
    })
  const left = from('paused').filter(({ to }) => to !== 'paused')
  expect(new Set(left.map(({ kind }) => kind))).toEqual(new Set(['run-resumed', 'run-ended']))
  expect(from('paused').map(({ kind }) => kind)).not.toContain('run-started')
  for (const state of ['waiting', 'running', 'needs-person'] as const) {
    expect(from(state).map(({ kind }) => kind)).not.toContain('run-resumed')
  }
})
