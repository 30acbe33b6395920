import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LABS_ROOT, type Instance } from './instance.ts'

/** Two kubelets and their containers watch more than the kernel's default allows. */
const WANTED = { 'fs/inotify/max_user_instances': 1024, 'fs/inotify/max_user_watches': 262_144 }

/** What was there before the first lab, beside one file for each lab that needs the raised values. */
const FOLDER = join(LABS_ROOT, '.sysctl')
const ORIGINAL = join(FOLDER, 'original.json')

/** Raises host settings that are too low for a lab; the last lab to go restores them. */
export async function raiseSysctls(instance: Instance): Promise<void> {
  const before: Record<string, string> = {}
  for (const [key, wanted] of Object.entries(WANTED)) {
    const value = (await readFile(`/proc/sys/${key}`, 'utf8')).trim()
    if (Number(value) < wanted) before[key] = value
  }
  await mkdir(FOLDER, { recursive: true })
  await writeFile(join(FOLDER, `${instance.name}.user`), '')
  if (Object.keys(before).length === 0) return
  const original = { ...before, ...(await readOriginal()) } // what an earlier lab found is the older truth
  await writeFile(ORIGINAL, JSON.stringify(original))
  for (const key of Object.keys(before))
    await writeFile(`/proc/sys/${key}`, String(WANTED[key as keyof typeof WANTED]))
}

/** Forgets this lab; when no other needs the raised values, puts back what was there. */
export async function restoreSysctls(instance: Instance): Promise<void> {
  await rm(join(FOLDER, `${instance.name}.user`), { force: true })
  const entries = await readdir(FOLDER).catch(() => [])
  if (entries.some((entry) => entry.endsWith('.user'))) return
  for (const [key, value] of Object.entries(await readOriginal())) await writeFile(`/proc/sys/${key}`, value)
  await rm(FOLDER, { recursive: true, force: true })
}

async function readOriginal(): Promise<Record<string, string>> {
  const text = await readFile(ORIGINAL, 'utf8').catch(() => '{}')
  return JSON.parse(text) as Record<string, string>
}
