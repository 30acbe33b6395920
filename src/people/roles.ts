import { purposes } from './purposes.ts'

/** Roles of the register. One person may have several. */
export const roles = ['commander', 'operator', 'approver', 'owner', 'sre', 'auditor'] as const
export type Role = (typeof roles)[number]

/**
 * Which roles may do what. `read` is everything that changes nothing; an auditor has that and no more. Policies can
 * narrow the purposes of signatures (policies/approvals.yaml), never widen them.
 * Whether a person is the requester is not a matter of role: approval/rules.ts looks at that.
 */
export const rolesThatMay = {
  read: roles,
  declare: purposes.declare.roles,
  /** Brings a signature; whether its signer may sign is looked at then. */
  sign: [...new Set<Role>(Object.values(purposes).flatMap(({ roles: some }) => some))],
} as const satisfies Record<string, readonly Role[]>
