import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Files of the estate that the lab uses, in the order in which they are laid over each other. */
export function estateFiles(checkout: string): string[] {
  return ['estate.yaml', 'lab.yaml'].map((name) => join(checkout, 'estate', name))
}

/** Puts the catalogue where a site's daemon reads it: the estate, the runbooks, the policies and the roster. */
export async function writeCatalogue(dir: string, checkout: string, roster: string): Promise<void> {
  await mkdir(join(dir, 'policies'), { recursive: true })
  for (const file of estateFiles(checkout)) await cp(file, join(dir, file.slice(file.lastIndexOf('/') + 1)))
  await cp(join(checkout, 'runbooks'), join(dir, 'runbooks'), { recursive: true })
  const policies = join(checkout, 'policies')
  if ((await readdir(policies).catch(() => [])).length > 0) {
    await cp(policies, join(dir, 'policies'), { recursive: true })
  }
  await writeFile(join(dir, 'roster.yaml'), roster)
}
