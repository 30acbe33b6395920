import { existsSync } from 'node:fs'
import { z } from 'zod'
import { rolesThatMay, type Role } from '#people/roles.ts'
import { parseDuration } from '#model/time.ts'
import { checkedYaml, textOf } from '#platform/checked-yaml.ts'
import type { Purpose } from './statement.ts'

/** Who decides, how many of them, and for how long it counts. */
export interface PurposePolicy {
  /** Distinct people; a gate of a plan may ask for more, never for fewer. */
  quorum: number
  roles: readonly Role[]
  /** The longest that a statement counts, milliseconds from its receipt. */
  validForMs: number
}

export type ApprovalPolicy = Record<Purpose, PurposePolicy>

const day = 24 * 3_600_000

/** What holds without `policies/approvals.yaml`. */
export const defaultPolicy: ApprovalPolicy = {
  declare: { quorum: 1, roles: rolesThatMay.declare, validForMs: day },
  approve: { quorum: 2, roles: rolesThatMay.approve, validForMs: day },
  attest: { quorum: 2, roles: rolesThatMay.attest, validForMs: day },
}

function purposeSchema(purpose: Purpose, least: number) {
  const allowed: readonly Role[] = rolesThatMay[purpose]
  return z
    .strictObject({
      quorum: z.int().min(least, `at least ${least}`).max(20).optional(),
      roles: z
        .array(z.enum(allowed as readonly [Role, ...Role[]], { error: `only ${allowed.join(', ')} may` }))
        .min(1)
        .optional(),
      validFor: z
        .string()
        .refine((text) => (parseDuration(text) ?? 0) > 0, 'a duration such as 24h is needed')
        .refine((text) => (parseDuration(text) ?? 0) <= day, 'at most 24h: a policy can only shorten it')
        .optional(),
    })
    .optional()
}

// One person's word never opens a gate: two is the floor that a policy can only raise.
const policySchema = z.strictObject({
  apiVersion: z.literal('haetae/v1'),
  kind: z.literal('ApprovalPolicy'),
  purposes: z.strictObject({
    declare: purposeSchema('declare', 1),
    approve: purposeSchema('approve', 2),
    attest: purposeSchema('attest', 2),
  }),
})

/** Reads a policy's text; what it leaves out is as in `defaultPolicy`. Throws `policy-invalid`. */
export function parsePolicy(file: string, text: string): ApprovalPolicy {
  const { purposes } = checkedYaml(file, text, policySchema, 'policy-invalid')
  const merged = (purpose: Purpose): PurposePolicy => {
    const given = purposes[purpose]
    const basis = defaultPolicy[purpose]
    return {
      quorum: given?.quorum ?? basis.quorum,
      roles: given?.roles ?? basis.roles,
      validForMs:
        (given?.validFor === undefined ? undefined : parseDuration(given.validFor)) ?? basis.validForMs,
    }
  }
  return { declare: merged('declare'), approve: merged('approve'), attest: merged('attest') }
}

/** Reads `policies/approvals.yaml`; without the file, `defaultPolicy`. Throws `policy-invalid`. */
export async function loadPolicy(file: string): Promise<ApprovalPolicy> {
  return existsSync(file) ? parsePolicy(file, await textOf(file, 'policy-invalid')) : defaultPolicy
}
