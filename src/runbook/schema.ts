import { z } from 'zod'

/*
 * A runbook as people write it. Strict everywhere: a field that nothing reads would be a promise that nothing keeps.
 * What a schema cannot see (graph, types, expressions, principles) is in the lint-*.ts files.
 */

const localized = z.strictObject({ ko: z.string().min(1), en: z.string().min(1) })
const duration = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/, 'a duration is a number and a unit, such as 30s')
/** A plain name, so that an expression can say `steps.standby.receivedLsn`. */
const stepId = z
  .string()
  .regex(
    /^[a-z][A-Za-z0-9]{0,31}$/,
    'a step id is a lower-case letter, then letters and digits, such as promote',
  )
const inputName = z
  .string()
  .regex(/^[a-z][A-Za-z0-9]{0,31}$/, 'an input is named like a step, such as maxLag')

/** What a person gives when the plan is made; `number` may have a fraction, `int` may not. */
const input = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('string'), title: localized, default: z.string().optional() }),
  z.strictObject({ type: z.literal('int'), title: localized, default: z.int().optional() }),
  z.strictObject({ type: z.literal('number'), title: localized, default: z.number().optional() }),
  z.strictObject({ type: z.literal('bool'), title: localized, default: z.boolean().optional() }),
])
export type InputDefinition = z.infer<typeof input>

const step = z.strictObject({
  id: stepId,
  title: localized,
  /** The name of a step type, or `approval` for a gate. */
  type: z.string().min(1),
  /** The type's input. Any value may be a `${{ expression }}` instead. */
  with: z.record(z.string(), z.unknown()).default({}),
  /** Steps of this runbook that must have succeeded first. */
  needs: z.array(stepId).default([]),
  /** A step to wait for in every system of the same plan that this one cannot serve without. */
  prerequisites: stepId.optional(),
  /** `${{ boolean }}`, decided when the plan is made: false leaves the step out of the plan. */
  when: z.string().optional(),
  /** After the effect the world is looked at every `every`; it must say so itself within `within`. */
  verify: z.strictObject({ within: duration, every: duration }).optional(),
  /** Deadlines of one attempt, and of all with the pauses between them. */
  timeout: z.strictObject({ attempt: duration, total: duration }).optional(),
  /** Tries after the first, and the pause before the second; it doubles from there, to 30 s at most. */
  retry: z.strictObject({ max: z.int().min(0).max(1000), pause: duration }).optional(),
})
export type StepDefinition = z.infer<typeof step>

/** What an `approval` step takes: people decide, nothing is changed. */
export const gateSchema = z.strictObject({
  /** `failover`: agree to the plan. `attestation`: say how one knows that the source is gone. */
  purpose: z.enum(['failover', 'attestation']),
  /** Distinct people, none of them the requester. */
  quorum: z.int().min(1).max(9),
})
export type GateDefinition = z.infer<typeof gateSchema>

export const modeSchema = z.enum(['switchover', 'failover', 'failback', 'drill'])
export type Mode = z.infer<typeof modeSchema>

export const runbookSchema = z.strictObject({
  apiVersion: z.literal('haetae/v1'),
  kind: z.literal('Runbook'),
  metadata: z.strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{1,62}$/, 'a runbook is named in lower case, such as failover-postgres-web'),
    title: localized,
    description: z.string().optional(),
  }),
  /** What the runbook may be used for. */
  modes: z.array(modeSchema).min(1),
  inputs: z.record(inputName, input).default({}),
  steps: z.array(step).min(1).max(500),
})
export type RunbookDefinition = z.infer<typeof runbookSchema>

export const gateType = 'approval'
