import { existsSync } from 'node:fs'
import { z } from 'zod'
import { gradeSchema } from '#estate/estate.ts'
import { parseDuration } from '#model/time.ts'
import { purposeFacts, purposeNames, type Purpose } from '#people/purposes.ts'
import type { Role } from '#people/roles.ts'
import { checkedYaml, textOf } from '#platform/checked-yaml.ts'
import { defaultPolicy, keyDemands, policyOf, type ApprovalPolicy } from './policy.ts'

/** A rule of one action: the action's own floor, roles and longest time are in the schema, so an editor knows them. */
function ruleSchema<P extends Purpose>(action: P) {
  const { least, usual, roles, longest } = purposeFacts(action)
  return z.strictObject({
    id: z
      .string()
      .regex(/^[a-z][a-z0-9-]{1,40}$/, 'a rule is named in lower case, such as approve-critical')
      .describe('By which decisions name the rule.'),
    action: z.literal(action).describe('What people sign for.'),
    grades: z.array(gradeSchema).default([]).describe('Empty: every grade that no other rule names.'),
    people: z
      .int()
      .min(least, `at least ${least}`)
      .max(20)
      .default(usual)
      .describe('Distinct people; the requester never counts.'),
    roles: z
      .array(z.enum(roles as readonly [Role, ...Role[]], { error: `only ${roles.join(', ')} may` }))
      .min(1)
      .default([...roles])
      .describe(`Whose signatures count: ${roles.join(', ')}, or fewer.`),
    validFor: z
      .string()
      .refine((text) => (parseDuration(text) ?? 0) > 0, 'a duration such as 24h is needed')
      .refine(
        (text) => (parseDuration(text) ?? 0) <= (parseDuration(longest) ?? 0),
        `at most ${longest}: a policy can only shorten it`,
      )
      .default(longest)
      .describe(`How long a signature counts, from its receipt; at most ${longest}.`),
    keys: z
      .enum(keyDemands)
      .default('any')
      .meta({
        description: 'Which keys count, each stricter than the one before.',
        enumDescriptions: [
          'Any.',
          'On a token that was touched.',
          'On one that also asked for PIN or finger.',
        ],
      }),
  })
}

type RuleSchema = ReturnType<typeof ruleSchema<Purpose>>
const [first, ...others] = purposeNames.map((action) => ruleSchema(action))

const ruleOfAnyAction = z.discriminatedUnion('action', [first as RuleSchema, ...others])
type RuleInFile = z.infer<typeof ruleOfAnyAction>

const policySchema = z.strictObject({
  apiVersion: z.literal('haetae/v1').describe('The version of the language.'),
  kind: z.literal('ApprovalPolicy').describe('What the file is.'),
  rules: z
    .array(ruleOfAnyAction)
    .superRefine((rules, context) => refuseUnclear(rules, context))
    .describe('What an action takes; what no rule speaks of is as Haetae has it.'),
  operations: z
    .strictObject({
      approved: z
        .array(gradeSchema)
        .default([])
        .describe(
          'Grades of systems on which no operation runs without an approval, whatever its runbook says.',
        ),
    })
    .prefault({})
    .describe('What policy asks of operations.'),
})

/**
 * A name twice, a grade with two rules, or rules of one action that no role could meet together: a plan over systems of
 * several grades could never be decided.
 */
function refuseUnclear(rules: readonly RuleInFile[], context: z.RefinementCtx): void {
  rules.forEach((rule, at) => {
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [at, field], message })
    const before = rules.slice(0, at)
    if (before.some((one) => one.id === rule.id)) refuse('id', `${rule.id} is there twice`)
    const same = before.filter((one) => one.action === rule.action)
    const unclear = same.find((one) =>
      rule.grades.length === 0
        ? one.grades.length === 0
        : one.grades.some((grade) => rule.grades.includes(grade)),
    )
    if (unclear !== undefined) refuse('grades', `${unclear.id} speaks of the same`)
    const shared = rule.roles.filter((role) => same.every((one) => one.roles.includes(role)))
    if (shared.length === 0) refuse('roles', `no role is in every rule of ${rule.action}`)
  })
}

/** Reads a policy's text. Throws `policy-invalid` with the place of every fault. */
export function parsePolicy(file: string, text: string): ApprovalPolicy {
  const { rules, operations } = checkedYaml(file, text, policySchema, 'policy-invalid')
  return policyOf(
    rules.map(({ validFor, ...rule }) => ({ ...rule, validForMs: parseDuration(validFor) ?? 0 })),
    operations.approved,
  )
}

/** Reads `policies/approvals.yaml`; without the file, `defaultPolicy`. Throws `policy-invalid`. */
export async function loadPolicy(file: string): Promise<ApprovalPolicy> {
  return existsSync(file) ? parsePolicy(file, await textOf(file, 'policy-invalid')) : defaultPolicy
}

/** The JSON Schema of `policies/approvals.yaml`, for editors. */
export function policyJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(policySchema, { io: 'input' })
  return {
    $schema,
    title: 'Haetae approval policy',
    description: 'Made from the code by `npm run docs`.',
    ...schema,
  }
}
