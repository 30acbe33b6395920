import type { Done, Work } from '../work.ts'

/** What a peer says of itself, once it runs. */
export interface PeerFacts {
  /** Of its packages. */
  versions: Record<string, string>
  /** When an outcome counts as kept, and what that is set by. */
  durability: string
  /** Settings that are not its defaults, and why. */
  settings: string
  /** How it does graphs of steps that need none of the others. */
  graphs: string
  /** The process that syncs for it; null when that is the shared PostgreSQL. */
  storePid: number | null
}

/** Another durable engine, in a process of its own. */
export interface Peer {
  facts: PeerFacts
  run(work: Work): Promise<Done>
  /** How often its store has synced its log to the disk, as the store counts itself. */
  syncs(): Promise<number>
  stop(): Promise<void>
}

/** What a peer may use. */
export interface PeerPlace {
  /** Empty, on a disk. */
  folder: string
  /** The folder with the socket of the PostgreSQL that all sides on PostgreSQL share. */
  postgres: string
}

export const peerNames = ['DBOS Transact', 'Restate'] as const
export type PeerName = (typeof peerNames)[number]

/** Between the bench and the process of a peer. */
export type Request = { kind: 'run'; work: Work } | { kind: 'syncs' }
export type Answer =
  | { kind: 'ready'; facts: PeerFacts }
  | { kind: 'done'; done: Done }
  | { kind: 'syncs'; syncs: number }
  | { kind: 'failed'; why: string }
