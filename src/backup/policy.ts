import { z } from 'zod'
import { parseDuration } from '#model/time.ts'
import { checkedYaml, textOf } from '#platform/checked-yaml.ts'
import type { ToolName } from './backup.ts'

/** What is copied, how often, and how long a copy is kept. */
export interface BackupPolicy {
  id: string
  tool: ToolName
  grades: readonly string[]
  /** Named systems; a policy without them holds for its grades. */
  systems: readonly string[]
  everyMs: number
  /** Proven copies that are kept of each system; older ones are removed. */
  keep: number
}

const policy = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{1,40}$/, 'a policy is named in lower case, such as base-daily'),
  tool: z.literal('pg-basebackup'),
  grades: z.array(z.enum(['T0', 'G1', 'G2', 'G3', 'G4'])).default([]),
  systems: z.array(z.string()).default([]),
  every: z.string().refine((text) => (parseDuration(text) ?? 0) >= 60_000, 'at least a minute, such as 24h'),
  keep: z.int().min(1).max(1_000).default(2),
})

const shape = z.strictObject({
  apiVersion: z.literal('haetae/v1'),
  kind: z.literal('BackupPolicies'),
  policies: z.array(policy).min(1),
})

/** Reads the backup policies of a catalogue. Throws `policy-invalid` with the place of every fault. */
export async function loadBackupPolicies(file: string): Promise<BackupPolicy[]> {
  const { policies } = checkedYaml(file, await textOf(file, 'policy-invalid'), shape, 'policy-invalid')
  return policies.map(({ every, ...rest }) => ({ ...rest, everyMs: parseDuration(every) ?? 0 }))
}

/** The policies that hold for a system. */
export function policiesFor(
  policies: readonly BackupPolicy[],
  system: { id: string; grade: string },
): BackupPolicy[] {
  return policies.filter(
    (one) =>
      one.systems.includes(system.id) || (one.systems.length === 0 && one.grades.includes(system.grade)),
  )
}
