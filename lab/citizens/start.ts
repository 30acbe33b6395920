import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addressesOf } from '../addresses.ts'
import { placeFolder, SITES, type Instance } from '../instance.ts'
import { startPart, type RunningPart } from '../part.ts'
import type { KeyPair } from '../pki.ts'
import { inPlace } from '../place.ts'
import type { LabSystem } from '../systems/lab-system.ts'
import type { CitizensConfig } from './main.ts'

export interface CitizensOptions {
  perSecond?: number
  maxMs?: number
}

/** Minutes after which citizens go home by themselves, whoever starts them: 30 when it is not set. */
export const citizensMinutes = 'HAETAE_LAB_CITIZENS_MINUTES'

/** The citizens' own record: nobody but the lab's report reads it. */
export function recordFile(instance: Instance): string {
  return join(placeFolder(instance, 'citizens'), 'record.jsonl')
}

/** Starts the citizens; they go on when this process ends, and go home by themselves after half an hour. */
export async function startCitizens(
  instance: Instance,
  systems: readonly LabSystem[],
  labAuthority: KeyPair,
  options: CitizensOptions = {},
): Promise<RunningPart> {
  const folder = placeFolder(instance, 'citizens')
  await mkdir(folder, { recursive: true, mode: 0o755 })
  // A place sees its own folder only.
  const caFile = join(folder, 'lab-ca.crt')
  await copyFile(labAuthority.cert, caFile)
  const config: CitizensConfig = {
    systems: systems.map(({ id, dns, port }) => ({ id, name: dns, port })),
    nameServers: SITES.map((site) => addressesOf(site).nameServer),
    caFile,
    recordFile: recordFile(instance),
    perSecond: options.perSecond ?? 4,
    maxMs: options.maxMs ?? Number(process.env[citizensMinutes] ?? 30) * 60_000,
  }
  const file = join(folder, 'citizens.json')
  await writeFile(file, `${JSON.stringify(config, null, 2)}\n`)
  const program = join(import.meta.dirname, 'main.ts')
  return startPart(
    { name: 'citizens', argv: [...(await inPlace(instance, 'citizens')), process.execPath, program, file] },
    join(folder, 'log'),
    true,
  )
}
