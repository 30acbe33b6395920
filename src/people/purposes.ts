import type { Role } from './roles.ts'

/** Where a signature for a purpose belongs: at a gate of the run's plan, at the run as a whole, or before there is a run. */
type Place = 'plan' | 'run' | 'before'

interface PurposeFacts {
  /** Who may at all: a policy can narrow this, never widen it. */
  readonly roles: readonly Role[]
  /** Distinct people at least, whatever a policy says. */
  readonly least: number
  /** How many it takes where no rule of the policy says more. */
  readonly usual: number
  /** The longest that such a signature can count, from its receipt. */
  readonly longest: string
  readonly place: Place
  /** Also after the run has ended. */
  readonly afterEnd?: true
}

/**
 * Everything that people sign for, one entry a purpose: its name is the `purpose` of the statement, the action of the
 * policy's rules, and `haetae-NAME` the namespace of its signatures. The CLI reads this too: no zod here.
 */
export const purposes = {
  declare: { roles: ['operator', 'commander'], least: 1, usual: 1, longest: '24h', place: 'before' },
  approve: { roles: ['approver', 'commander'], least: 2, usual: 2, longest: '24h', place: 'plan' },
  attest: {
    roles: ['operator', 'approver', 'commander', 'sre'],
    least: 2,
    usual: 2,
    longest: '24h',
    place: 'plan',
  },
  // Opens a gate of approvals at once, with fewer people. Nothing opens a gate of attestations: that is the fence.
  'break-glass': { roles: ['commander'], least: 1, usual: 1, longest: '4h', place: 'plan' },
  // Of a glass that was broken, by two who did not break it.
  review: {
    roles: ['approver', 'commander', 'owner'],
    least: 2,
    usual: 2,
    longest: '90d',
    place: 'run',
    afterEnd: true,
  },
  'take-over': { roles: ['approver', 'commander'], least: 2, usual: 2, longest: '24h', place: 'run' },
} as const satisfies Record<string, PurposeFacts>

export type Purpose = keyof typeof purposes
/** Purposes of a gate: everything but the declaration, which comes before there is one. */
export type GatePurpose = Exclude<Purpose, 'declare'>

export const purposeNames = Object.keys(purposes) as Purpose[]

/** What holds for a purpose, under its general type. */
export function purposeFacts(purpose: Purpose): PurposeFacts {
  return purposes[purpose]
}
