/** Health of a system. `unknown` is a state: never shown as up, never as down. */
export type Health = 'up' | 'degraded' | 'down' | 'unknown'

/** State of a site, as one daemon sees it. `lost` only by a fence or an attestation; `unknown` when nothing looks there. */
export type SiteState = 'up' | 'degraded' | 'isolated' | 'suspected-lost' | 'lost' | 'unknown'

/** What a node waits for. */
export type WaitReason = 'needs' | 'lock' | 'approval' | 'capacity' | 'retry'

/**
 * State of one node of a run's graph.
 * `unknown`: an intent without an outcome (the answer was lost); looked at before anything else is done.
 * `needs-person`: the world is unclear, or a try failed for good: a person decides.
 */
export type NodeState =
  | 'waiting'
  | 'running'
  | 'unknown'
  | 'needs-person'
  | 'succeeded'
  | 'adopted'
  | 'failed'
  | 'skipped'
  | 'canceled'

/** State of a run. `paused`: a person holds it; nothing begins until somebody resumes or ends it. */
export type RunState =
  'waiting' | 'running' | 'needs-person' | 'paused' | 'succeeded' | 'failed' | 'canceled' | 'rolled-back'

export const terminalNodeStates: ReadonlySet<NodeState> = new Set([
  'succeeded',
  'adopted',
  'failed',
  'skipped',
  'canceled',
])
/** Ends after which what needs the node may begin. */
export const doneNodeStates: ReadonlySet<NodeState> = new Set(['succeeded', 'adopted', 'skipped'])
export const terminalRunStates: ReadonlySet<RunState> = new Set([
  'succeeded',
  'failed',
  'canceled',
  'rolled-back',
])
