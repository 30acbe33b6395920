import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { issue, type KeyPair } from '../pki.ts'
import type { Instance } from '../instance.ts'
import type { LabSystem } from './lab-system.ts'

/** Roles that are the same in all systems' databases: Haetae's two, and the one that copies. */
const sharedRoles = ['haetae', 'haetae_reader', 'replicator'] as const
type SharedRole = (typeof sharedRoles)[number]

/** Passwords of the roles in a system's database. */
export type Passwords = Record<SharedRole | 'app', string>

export interface SystemCredentials {
  passwords: Passwords
  tls: { ca: string; cert: string; key: string }
}

/** Files that hold what Haetae signs in to the systems' databases with. */
export type SharedPasswordFiles = Record<SharedRole, string>

/** Folder of the systems' credentials. */
export function credentialsFolder(instance: Instance): string {
  return join(instance.pki, 'systems')
}

/** The web services' own passwords, by system, as JSON: for the lab's report, which asks the databases itself. */
export function appPasswordsFile(instance: Instance): string {
  return join(credentialsFolder(instance), 'app.passwords.json')
}

/**
 * Makes passwords and a certificate for every system: one certificate a system, for its web service
 * and its database at every site, issued by the lab's authority.
 */
export async function createCredentials(
  instance: Instance,
  authority: KeyPair,
  systems: readonly LabSystem[],
): Promise<{ systems: Map<string, SystemCredentials>; shared: SharedPasswordFiles }> {
  const dir = credentialsFolder(instance)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const shared = perRole((role) => join(dir, `${role}.password`))
  const sharedPasswords = perRole(newPassword)
  for (const role of sharedRoles) await writeFile(shared[role], `${sharedPasswords[role]}\n`, { mode: 0o600 })
  const ca = await readFile(authority.cert, 'utf8')
  const made = await Promise.all(
    systems.map(async (system) => {
      const pair = await issue(authority, dir, system.namespace, {
        commonName: system.dns,
        dns: [system.dns],
        ips: [...Object.values(system.webAddresses), ...Object.values(system.database?.addresses ?? {})],
      })
      const [cert, key] = await Promise.all([readFile(pair.cert, 'utf8'), readFile(pair.key, 'utf8')])
      const passwords = { app: newPassword(), ...sharedPasswords }
      return [system.id, { passwords, tls: { ca, cert, key } }] as const
    }),
  )
  const app = Object.fromEntries(made.map(([id, { passwords }]) => [id, passwords.app]))
  await writeFile(appPasswordsFile(instance), JSON.stringify(app), { mode: 0o600 })
  return { systems: new Map(made), shared }
}

function perRole<T>(value: (role: SharedRole) => T): Record<SharedRole, T> {
  return Object.fromEntries(sharedRoles.map((role) => [role, value(role)])) as Record<SharedRole, T>
}

/** Letters and digits only: it goes through SQL, URLs and password files unquoted. */
function newPassword(): string {
  return randomBytes(18).toString('hex')
}
