import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LABS_ROOT, type Instance } from './instance.ts'

/** What a lab with all its systems takes of root's inotify instances was 32; twice that must be free. */
const NEEDED = 64
const LIMIT = 'fs/inotify/max_user_instances'

/** What was there before the first lab, beside one file for each lab that needs the raised values. */
const FOLDER = join(LABS_ROOT, '.sysctl')
const ORIGINAL = join(FOLDER, 'original.json')

/**
 * Raises the number of inotify instances when the host has too few left for a lab; the last lab to go restores it.
 * It is the only host-wide setting that a lab may change.
 */
export async function raiseSysctls(instance: Instance): Promise<void> {
  const limit = (await readFile(`/proc/sys/${LIMIT}`, 'utf8')).trim()
  const free = Number(limit) - (await inotifyInstances())
  if (free >= NEEDED && !existsSync(ORIGINAL)) return
  await mkdir(FOLDER, { recursive: true })
  await writeFile(join(FOLDER, `${instance.name}.user`), '')
  if (free >= NEEDED) return
  // What an earlier lab found is the older truth.
  await writeFile(ORIGINAL, JSON.stringify({ [LIMIT]: limit, ...(await readOriginal()) }))
  await writeFile(`/proc/sys/${LIMIT}`, String(Number(limit) + 512))
}

/** Inotify instances that are open on the host; nearly all are root's. */
async function inotifyInstances(): Promise<number> {
  let count = 0
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')) === 'anon_inode:inotify') count += 1
    }
  }
  return count
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
