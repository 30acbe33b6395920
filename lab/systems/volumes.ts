import { chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { postgresUser } from '../image/postgres.ts'
import type { LabSystem } from './lab-system.ts'

/** Makes each system's database folder under `dir`, owned by the user that its pod runs as. Needs root. */
export async function createVolumes(dir: string, systems: readonly LabSystem[]): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o755 })
  for (const { namespace, database } of systems) {
    if (database === null) continue
    const folder = join(dir, namespace)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await chown(folder, postgresUser, postgresUser)
  }
}
