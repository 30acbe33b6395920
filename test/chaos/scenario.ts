import type pg from 'pg'
import type { Journal } from '#engine/journal/journal.ts'
import type { Victim } from './processes.ts'
import type { Left } from './check.ts'
import type { EffectLedger } from './world/effects.ts'
import type { WorldServer } from './world/server.ts'

/** Who is under fire, and what they do to which world outside. */
export interface Scenario {
  victims: readonly Victim[]
  /** Names of the runs; known once it has begun. */
  runs: readonly string[]
  world: WorldServer
  effects: EffectLedger
  stepTypes: Left['stepTypes']
  pool: pg.Pool
  journal: Journal
  /** Data folder of the victim that has the PostgreSQL. */
  dataDir: string
  /** How long a term lasts, and an attempt. */
  ttlMs: number
  attemptMs: number
  mishapsAtMost: number
  withinMs: number
  /** Reasons for which people may be asked although what they are asked about is there. */
  mayAsk: readonly string[]
  /** Starts the victims and requests the runs. */
  begin(): Promise<void>
}
