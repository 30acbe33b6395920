/** Roles of the register. One person may have several. */
export const roles = ['commander', 'operator', 'approver', 'owner', 'sre', 'auditor'] as const
export type Role = (typeof roles)[number]

/** What a role lets a person do. `read` is everything that changes nothing; an auditor has that and no more. */
export type Action = 'read' | 'declare' | 'approve' | 'attest'

/**
 * Which roles may do what. Policies can narrow this (policies/approvals.yaml), never widen it.
 * Whether a person is the requester is not a matter of role: approval/rules.ts looks at that.
 */
export const rolesThatMay = {
  read: roles,
  declare: ['operator', 'commander'],
  approve: ['approver', 'commander'],
  attest: ['operator', 'approver', 'commander', 'sre'],
} as const satisfies Record<Action, readonly Role[]>
