import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseRoster, type Roster } from '#people/roster.ts'
import { generateKey } from '#platform/ssh.ts'

/** People with real keys in a folder of their own. */
export interface People extends AsyncDisposable {
  folder: string
  /** Path of somebody's private key. */
  keyOf(name: string): string
  roster: Roster
  rosterText: string
}

export interface PersonSpec {
  roles: string[]
  validFrom?: string
  validUntil?: string
  /** The key of a token, instead of the one in a file. */
  publicKey?: string
  /** A key, but no entry in the roster. */
  stranger?: boolean
}

/** Who most tests need. */
export const cast = {
  'operator-1': { roles: ['operator'] },
  'operator-2': { roles: ['operator'] },
  'commander-1': { roles: ['commander'] },
  'commander-2': { roles: ['commander'] },
  'approver-1': { roles: ['approver'] },
  'approver-2': { roles: ['approver'] },
  'sre-1': { roles: ['sre'] },
  'auditor-1': { roles: ['auditor'] },
  'approver-late': { roles: ['approver'], validUntil: '2026-02-01T00:00:00Z' },
  'approver-early': {
    roles: ['approver'],
    validFrom: '2040-01-01T00:00:00Z',
    validUntil: '2041-01-01T00:00:00Z',
  },
  stranger: { roles: [], stranger: true },
} as const satisfies Record<string, PersonSpec | object>

/** Makes a key for everybody and a roster of those who are no strangers. Disposing removes the folder. */
export async function people(who: Record<string, PersonSpec>): Promise<People> {
  const folder = await mkdtemp(join(tmpdir(), 'haetae-people-'))
  const entries = await Promise.all(
    Object.entries(who).map(async ([name, spec]) => {
      const made = await generateKey(join(folder, name), name)
      if (spec.stranger === true) return ''
      return [
        `  - id: ${name}`,
        `    roles: [${spec.roles.join(', ')}]`,
        '    keys:',
        `      - publicKey: ${spec.publicKey ?? made}`,
        `        validFrom: ${spec.validFrom ?? '2026-01-01T00:00:00Z'}`,
        `        validUntil: ${spec.validUntil ?? '2036-01-01T00:00:00Z'}`,
      ].join('\n')
    }),
  )
  const rosterText = `principals:\n${entries.filter(Boolean).join('\n')}\n`
  return {
    folder,
    rosterText,
    roster: parseRoster('roster.yaml', rosterText),
    keyOf: (name) => join(folder, name),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
