import { existsSync, readdirSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadPolicy } from '#approval/policy-file.ts'
import type { ApprovalPolicy } from '#approval/policy.ts'
import { digestOf } from '#model/digest.ts'
import type { Estate, System } from '#estate/estate.ts'
import { loadEstate } from '#estate/load.ts'
import { loadRoster, type Roster } from '#people/roster.ts'
import { readSources, runbooksFrom, type RunbookSource } from '#runbook/load.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { stepTypes } from '#steps/index.ts'

/** What people registered, read once at start. Nothing in it is observed. */
export interface Catalogue {
  estate: Estate
  systems: ReadonlyMap<string, System>
  roster: Roster
  approvalPolicy: ApprovalPolicy
  /** By name. */
  runbooks: ReadonlyMap<string, Runbook>
  /** What the runbooks were read from: a compiled one cannot be handed to another thread. */
  runbookSources: readonly RunbookSource[]
  folder: string
  /** Over the names and bytes of all its files: two sites with the same digest stand on the same catalogue. */
  digest: string
}

/**
 * Reads the catalogue's folder: `estate.yaml`, overlays (`lab.yaml`, `overlays/*.yaml`), `roster.yaml`,
 * `policies/approvals.yaml`, `runbooks/*.yaml`. Throws `estate-invalid`, `estate-unreadable`, `roster-invalid`, `policy-invalid`, `runbook-invalid`, each with
 * the place of the fault.
 */
export async function loadCatalogue(folder: string): Promise<Catalogue> {
  const overlays = [join(folder, 'lab.yaml'), ...yamlFilesIn(join(folder, 'overlays'))]
  const files = [join(folder, 'estate.yaml'), ...overlays.filter((file) => existsSync(file))]
  const policyFile = join(folder, 'policies/approvals.yaml')
  // One after the other: of several faults the same one is told each time.
  const estate = await loadEstate(files)
  const roster = await loadRoster(join(folder, 'roster.yaml'))
  const approvalPolicy = await loadPolicy(policyFile)
  const sites = estate.sites.map((site) => site.id)
  const runbookSources = await readSources(yamlFilesIn(join(folder, 'runbooks')))
  return {
    estate,
    runbooks: runbooksFrom(runbookSources, { stepTypes, sites }),
    runbookSources,
    systems: new Map(estate.systems.map((system) => [system.id, system])),
    roster,
    approvalPolicy,
    folder,
    digest: await digestOfFiles(folder),
  }
}

async function digestOfFiles(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true }))
    .filter((name) => /\.ya?ml$/.test(name))
    .toSorted()
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return digestOf(names.map((name, at) => [name, texts[at]]))
}

/** The YAML files of a folder in the order of their names; none when there is no such folder. */
export function yamlFilesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}
