import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { run } from '../command.ts'
import type { Instance } from '../instance.ts'

/** Who plays in the lab, and as what. */
export const labPeople: readonly { id: string; roles: string[] }[] = [
  { id: 'operator-1', roles: ['operator'] },
  { id: 'operator-2', roles: ['operator'] },
  { id: 'commander-1', roles: ['commander'] },
  { id: 'approver-1', roles: ['approver'] },
  { id: 'approver-2', roles: ['approver'] },
  { id: 'approver-3', roles: ['approver'] },
  { id: 'sre-1', roles: ['sre'] },
  { id: 'auditor-1', roles: ['auditor'] },
  { id: 'owner-1', roles: ['owner'] },
]

const validDays = 60

/**
 * Makes an SSH key pair for everyone in the folder (`operator-1`, `operator-1.pub`, ...).
 * Returns the roster's YAML and where each private key is.
 */
export async function createPeople(dir: string): Promise<{ roster: string; keys: Record<string, string> }> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const from = new Date(Date.now() - 60 * 60_000).toISOString()
  const until = new Date(Date.now() + validDays * 86_400_000).toISOString()
  const principals = await Promise.all(
    labPeople.map(async ({ id, roles }) => {
      const file = join(dir, id)
      await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', id, '-f', file])
      const publicKey = (await readFile(`${file}.pub`, 'utf8')).trim()
      return { id, roles, keys: [{ publicKey, validFrom: from, validUntil: until }] }
    }),
  )
  const roster = stringify({ apiVersion: 'haetae/v1', kind: 'Roster', principals }, { lineWidth: 0 })
  return { roster, keys: Object.fromEntries(labPeople.map(({ id }) => [id, join(dir, id)])) }
}

/** What the command line knows of the lab: where the daemons are and who is asking. */
export interface LabContext {
  installation: string
  defaultSite: string
  sites: Record<string, { socket: string; url: string; caFile: string }>
  principal: string
  keys: Record<string, string>
}

/** The context of one lab, for those who mean this lab and no other. */
export function labContextFile(instance: Instance): string {
  return join(instance.root, 'context.json')
}

/** Writes the context beside the lab, and into the checkout, where `haetae` finds it: the lab that came up last. */
export async function writeContext(instance: Instance, checkout: string, context: LabContext): Promise<void> {
  const text = `${JSON.stringify(context, null, 2)}\n`
  const folder = join(checkout, '.haetae')
  await mkdir(folder, { recursive: true })
  await writeFile(labContextFile(instance), text)
  await writeFile(join(folder, 'context.json'), text)
}
