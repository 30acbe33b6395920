import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LabName } from '#estate/generate-lab.ts'

/** Files of the estate that a lab uses, in the order in which they are laid over each other. */
export function estateFiles(checkout: string, lab: LabName = 'lab'): string[] {
  return ['estate.yaml', `${lab}.yaml`].map((name) => join(checkout, 'estate', name))
}

/** Puts the catalogue where a site's daemon reads it: the estate, the runbooks, the policies and the roster. */
export async function writeCatalogue(
  dir: string,
  checkout: string,
  lab: LabName,
  roster: string,
): Promise<void> {
  await mkdir(join(dir, 'policies'), { recursive: true })
  const [estate = '', overlay = ''] = estateFiles(checkout, lab)
  await cp(estate, join(dir, 'estate.yaml'))
  await cp(overlay, join(dir, 'lab.yaml'))
  await cp(join(checkout, 'runbooks'), join(dir, 'runbooks'), { recursive: true })
  const policies = join(checkout, 'policies')
  if ((await readdir(policies).catch(() => [])).length > 0) {
    await cp(policies, join(dir, 'policies'), { recursive: true })
  }
  await writeFile(join(dir, 'roster.yaml'), roster)
}
