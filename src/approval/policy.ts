import { gradeSchema, type Grade } from '#estate/estate.ts'
import { digestOf } from '#model/digest.ts'
import { parseDuration } from '#model/time.ts'
import { purposeFacts, purposeNames, type Purpose } from '#people/purposes.ts'
import type { Role } from '#people/roles.ts'

/** Which keys count, each stricter than the one before: any, on a hardware token, on one that asked for PIN or finger. */
export const keyDemands = ['any', 'hardware', 'verified'] as const
export type KeyDemand = (typeof keyDemands)[number]

/** Who decides on an action over systems of some grades, how many of them, and for how long it counts. */
export interface ApprovalRule {
  id: string
  action: Purpose
  /** Empty: of every grade that no other rule of the action names. */
  grades: readonly Grade[]
  /** Distinct people; a gate of a plan may ask for more, never for fewer. */
  people: number
  roles: readonly Role[]
  /** The longest that a statement counts, milliseconds from its receipt. */
  validForMs: number
  keys: KeyDemand
}

export interface ApprovalPolicy {
  rules: readonly ApprovalRule[]
  /** Grades of systems on which no operation runs without an approval, also where its runbook asks nobody. */
  operations: readonly Grade[]
  /** Over the rules: recorded with every decision. */
  digest: string
}

/** What a decision takes: the strictest of the rules that concern it. */
export interface Demand extends Omit<ApprovalRule, 'id' | 'action' | 'grades'> {
  /** Ids of the rules that made it so. */
  rules: string[]
  /** Digest of the policy that they are of. */
  policy: string
}

export function policyOf(rules: readonly ApprovalRule[], operations: readonly Grade[] = []): ApprovalPolicy {
  return { rules, operations, digest: digestOf({ rules, operations }) }
}

/** What holds without `policies/approvals.yaml`, and for every action and grade that it does not speak of. */
const builtIn: readonly ApprovalRule[] = purposeNames.map((action) => {
  const { usual, roles, longest } = purposeFacts(action)
  return {
    id: `built-in-${action}`,
    action,
    grades: [],
    people: usual,
    roles,
    validForMs: parseDuration(longest) ?? 0,
    keys: 'any',
  }
})

export const defaultPolicy: ApprovalPolicy = policyOf([])

/**
 * What a policy demands for an action over systems of these grades: the most people, only the roles that every rule
 * names, the shortest time, the strictest keys. Grades unknown (none given) are taken for all of them.
 */
export function demandOf(policy: ApprovalPolicy, action: Purpose, grades: readonly Grade[]): Demand {
  const concerned = new Set(
    (grades.length === 0 ? gradeSchema.options : grades).map((grade) => ruleFor(policy, action, grade)),
  )
  const rules = [...concerned]
  return {
    people: Math.max(...rules.map((rule) => rule.people)),
    roles: purposeFacts(action).roles.filter((role) => rules.every((rule) => rule.roles.includes(role))),
    validForMs: Math.min(...rules.map((rule) => rule.validForMs)),
    keys: keyDemands[Math.max(...rules.map((rule) => keyDemands.indexOf(rule.keys)))] ?? 'any',
    rules: rules.map((rule) => rule.id),
    policy: policy.digest,
  }
}

/** Every rule that a decision can rest on: the policy's, and where they leave grades open what Haetae has built in. */
export function rulesInForce(policy: ApprovalPolicy): ApprovalRule[] {
  return purposeNames.flatMap((action) => [
    ...new Set(gradeSchema.options.map((grade) => ruleFor(policy, action, grade))),
  ])
}

function ruleFor({ rules }: ApprovalPolicy, action: Purpose, grade: Grade): ApprovalRule {
  const ofAction = [...rules, ...builtIn].filter((rule) => rule.action === action)
  const found =
    ofAction.find((rule) => rule.grades.includes(grade)) ?? ofAction.find((rule) => rule.grades.length === 0)
  if (found === undefined) throw new Error(`no rule for ${action}`)
  return found
}
