import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive } from './processes.ts'

/**
 * A temporary folder that says which process owns it, so that the next run can remove what a killed run left.
 * `user` gets the folder itself (PostgreSQL refuses root and a data folder that is not its own).
 */
export async function ownedFolder(prefix: string, user?: { uid: number; gid: number }): Promise<string> {
  await removeAbandoned(prefix)
  const folder = await mkdtemp(join(tmpdir(), prefix))
  await writeFile(join(folder, 'owner.pid'), String(process.pid))
  const data = join(folder, 'data')
  await mkdir(data, { mode: 0o700 })
  if (user !== undefined) {
    await chown(folder, user.uid, user.gid)
    await chown(data, user.uid, user.gid)
  }
  return folder
}

async function removeAbandoned(prefix: string): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue
    const folder = join(tmpdir(), name)
    const owner = await readFile(join(folder, 'owner.pid'), 'utf8').catch(() => undefined)
    // A folder without the file may be one that another run is creating right now: left alone.
    if (owner !== undefined && !isAlive(Number(owner))) await rm(folder, { recursive: true, force: true })
  }
}
