import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive } from './processes.ts'

/** In the environment of a run: the folder in memory, when the machine has enough of it. */
export const memoryVariable = 'HAETAE_TEST_MEMORY'

/**
 * Where the servers of the tests keep their files. A kill loses nothing in memory either, and making a database there
 * takes a tenth of the time.
 */
export function serversFolder(): string {
  return process.env[memoryVariable] ?? tmpdir()
}

/**
 * A temporary folder that says which process owns it, so that the next run can remove what a killed run left.
 * `user` gets the folder itself (PostgreSQL refuses root and a data folder that is not its own).
 */
export async function ownedFolder(
  prefix: string,
  user?: { uid: number; gid: number },
  under = serversFolder(),
): Promise<string> {
  await removeAbandoned(prefix, under)
  const folder = await mkdtemp(join(under, prefix))
  await writeFile(join(folder, 'owner.pid'), String(process.pid))
  const data = join(folder, 'data')
  await mkdir(data, { mode: 0o700 })
  if (user !== undefined) {
    await chown(folder, user.uid, user.gid)
    await chown(data, user.uid, user.gid)
  }
  return folder
}

async function removeAbandoned(prefix: string, under: string): Promise<void> {
  for (const name of await readdir(under)) {
    if (!name.startsWith(prefix)) continue
    const folder = join(under, name)
    const owner = await readFile(join(folder, 'owner.pid'), 'utf8').catch(() => undefined)
    // A folder without the file may be one that another run is creating right now: left alone.
    if (owner !== undefined && !isAlive(Number(owner))) await rm(folder, { recursive: true, force: true })
  }
}
