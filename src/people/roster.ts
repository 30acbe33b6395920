import { z } from 'zod'
import { checkedYaml, textOf } from '#platform/checked-yaml.ts'
import { barePublicKey, fingerprintOf, keyMaterialOf, sshTime } from '#platform/ssh.ts'
import { purposeNames, type Purpose } from './purposes.ts'
import { roles, type Role } from './roles.ts'

/*
 * The register of people (`roster.yaml` of the catalogue): who, with which roles, by which keys, valid when.
 * Public halves only; it is read at start, and a change of it is a new revision of the catalogue.
 */

/** Namespaces of signatures: a signature for one purpose is worthless for another. */
export type Namespace = `haetae-${Purpose | 'session'}`
const namespaces: readonly Namespace[] = [
  'haetae-session',
  ...purposeNames.map((purpose) => `haetae-${purpose}` as const),
]

const moment = z.union([z.iso.datetime({ offset: true }), z.iso.date()], {
  error: 'a moment such as 2026-01-01T00:00:00Z is needed',
})

const keySchema = z.strictObject({
  publicKey: z
    .string()
    .refine(
      (line) => barePublicKey(line) !== undefined,
      'a public key such as "ssh-ed25519 AAAA… " is needed',
    ),
  validFrom: moment,
  validUntil: moment,
})

const principalSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{1,60}$/, 'a name is lower case, such as approver-1'),
  name: z.strictObject({ ko: z.string().min(1), en: z.string().min(1) }).optional(),
  roles: z.array(z.enum(roles)).min(1),
  keys: z.array(keySchema).min(1),
})

const rosterSchema = z
  .strictObject({
    apiVersion: z.literal('haetae/v1').default('haetae/v1'),
    kind: z.literal('Roster').default('Roster'),
    principals: z.array(principalSchema).min(1),
  })
  .superRefine((roster, context) => {
    refuseRepeats(roster.principals, context)
    roster.principals.forEach((principal, p) =>
      principal.keys.forEach((key, k) => {
        if (Date.parse(key.validFrom) < Date.parse(key.validUntil)) return
        const path = ['principals', p, 'keys', k, 'validUntil']
        context.addIssue({ code: 'custom', path, message: 'the key ends before it begins' })
      }),
    )
  })

type RosterFile = z.infer<typeof rosterSchema>

/** A name twice is a mistake; a key twice would let one person count as two. */
function refuseRepeats(principals: RosterFile['principals'], context: z.RefinementCtx): void {
  const names = new Set<string>()
  const owners = new Map<string, string>()
  principals.forEach((principal, p) => {
    if (names.has(principal.id)) {
      context.addIssue({
        code: 'custom',
        path: ['principals', p, 'id'],
        message: `${principal.id} is there twice`,
      })
    }
    names.add(principal.id)
    principal.keys.forEach((key, k) => {
      if (barePublicKey(key.publicKey) === undefined) return
      const material = keyMaterialOf(key.publicKey)
      const owner = owners.get(material)
      if (owner !== undefined) {
        const path = ['principals', p, 'keys', k, 'publicKey']
        context.addIssue({ code: 'custom', path, message: `the key is ${owner}'s already` })
      }
      owners.set(material, principal.id)
    })
  })
}

export interface RosterKey {
  publicKey: string
  fingerprint: string
  /** Milliseconds since the epoch; valid from the first on, up to the second. */
  validFrom: number
  validUntil: number
}

export interface Principal {
  id: string
  name: { ko: string; en: string } | undefined
  roles: readonly Role[]
  keys: readonly RosterKey[]
}

export class Roster {
  readonly principals: readonly Principal[]
  readonly #byId: ReadonlyMap<string, Principal>
  readonly #byFingerprint: ReadonlyMap<string, { principal: Principal; key: RosterKey }>

  constructor(principals: readonly Principal[]) {
    this.principals = principals
    this.#byId = new Map(principals.map((principal) => [principal.id, principal]))
    this.#byFingerprint = new Map(
      principals.flatMap((principal) => principal.keys.map((key) => [key.fingerprint, { principal, key }])),
    )
  }

  find(id: string): Principal | undefined {
    return this.#byId.get(id)
  }

  /** Whose key this is (`SHA256:...`), valid or not. */
  findByFingerprint(fingerprint: string): { principal: Principal; key: RosterKey } | undefined {
    return this.#byFingerprint.get(fingerprint)
  }

  /** The register as an `allowed_signers` file for ssh-keygen: each key with its namespaces and its validity. */
  allowedSigners(): string {
    const all = namespaces.join(',')
    return this.principals
      .flatMap((principal) =>
        principal.keys.map((key) => {
          const valid = `valid-after="${sshTime(key.validFrom)}",valid-before="${sshTime(key.validUntil)}"`
          return `${principal.id} namespaces="${all}",${valid} ${key.publicKey}\n`
        }),
      )
      .join('')
  }
}

/** True when the key may sign at this moment. */
export function isValidAt(key: RosterKey, ms: number): boolean {
  return key.validFrom <= ms && ms < key.validUntil
}

/** Reads a roster's text. Throws `roster-invalid` with the place of every fault. */
export function parseRoster(file: string, text: string): Roster {
  const { principals } = checkedYaml(file, text, rosterSchema, 'roster-invalid')
  return new Roster(
    principals.map((principal) => ({
      id: principal.id,
      name: principal.name,
      roles: principal.roles,
      keys: principal.keys.map((key) => ({
        publicKey: barePublicKey(key.publicKey) ?? key.publicKey,
        fingerprint: fingerprintOf(key.publicKey),
        validFrom: Date.parse(key.validFrom),
        validUntil: Date.parse(key.validUntil),
      })),
    })),
  )
}

/** Reads a roster's file. Throws `roster-invalid`, also when there is no such file. */
export async function loadRoster(file: string): Promise<Roster> {
  return parseRoster(file, await textOf(file, 'roster-invalid'))
}
