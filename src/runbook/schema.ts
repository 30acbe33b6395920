import { z } from 'zod'
import { roles } from '#people/roles.ts'

/*
 * A runbook as people write it. Strict everywhere: a field that nothing reads would be a promise that nothing keeps.
 * What a field means is its `description`, once: editors show it, out of the published schema (json-schema.ts).
 * What a schema cannot see (graph, types, expressions, principles) is in the lint-*.ts files.
 */

/** A text of one form; `patternErrorMessage` is how editors say it instead of the pattern. */
function shaped(form: RegExp, otherwise: string) {
  return z.string().regex(form, otherwise).meta({ patternErrorMessage: otherwise })
}

const says = (description: string) => ({ description })

/** One of a few words, each with what it means; editors show that beside the word. */
function choice<const T extends string>(meanings: Record<T, string>) {
  const enumDescriptions = Object.values<string>(meanings)
  return z.enum(Object.keys(meanings) as T[]).meta({ enumDescriptions })
}

const localized = z.strictObject({
  ko: z.string().min(1).meta(says('In Korean.')),
  en: z.string().min(1).meta(says('In English.')),
})
const duration = shaped(/^\d+(\.\d+)?(ms|s|m|h|d)$/, 'a duration is a number and a unit, such as 30s')
/** A plain name, so that an expression can say `steps.standby.receivedLsn`. */
const stepId = shaped(
  /^[a-z][A-Za-z0-9]{0,31}$/,
  'a step id is a lower-case letter, then letters and digits, such as promote',
)
const inputName = shaped(/^[a-z][A-Za-z0-9]{0,31}$/, 'an input is named like a step, such as maxLag')

const runbookName = shaped(
  /^[a-z][a-z0-9-]{1,62}$/,
  'a runbook is named in lower case, such as failover-postgres-web',
)

/** Items of a list that a person gives: two loops over a longer one would hold up the daemon that evaluates them. */
export const listAtMost = 200

function inputOf<T extends z.ZodType, V extends z.ZodType>(type: T, value: V) {
  return z.strictObject({
    type,
    title: localized.meta(says('What people are asked for.')),
    default: value.optional().meta(says('What it is when nobody gives it; without one it must be given.')),
  })
}

const input = z.discriminatedUnion('type', [
  inputOf(z.literal('string').meta(says('A text.')), z.string()),
  inputOf(z.literal('int').meta(says('A whole number.')), z.int()),
  inputOf(z.literal('number').meta(says('A number, which may have a fraction.')), z.number()),
  inputOf(z.literal('bool').meta(says('Yes or no.')), z.boolean()),
  inputOf(
    z.literal('list').meta(says(`A list of at most ${listAtMost} texts.`)),
    z.array(z.string()).max(listAtMost),
  ),
])
export type InputDefinition = z.infer<typeof input>

const modes = {
  switchover: 'A planned move of systems to the other site.',
  failover: 'A site is lost or distrusted, and its systems are taken to the other one.',
  failback: 'The way home.',
  drill: 'A rehearsal.',
  operation: 'A routine change to systems where they are active: nothing moves, no site is lost.',
}
export const modeSchema = choice(modes)
export type Mode = z.infer<typeof modeSchema>

const onUnreachable = choice({
  ask: 'A person is asked at once.',
  wait: 'It is looked again until timeout.total, then a person is asked. The default.',
  skip: 'It is looked again until timeout.total, then the run goes on without the step.',
})
export type OnUnreachable = z.infer<typeof onUnreachable>

const failureKind = choice({
  unreachable: 'The target did not answer.',
  refused: 'The target, or what the step rests on, refused it: nothing was changed.',
  deadline: 'It took longer than it may.',
  verify: 'The world did not say in time that it is done.',
  error: 'Any other failure.',
})
export type RetryOn = z.infer<typeof failureKind>

const ramp = shaped(/^[1-9]\d{0,2}(-[1-9]\d{0,2}){0,7}$/, 'a ramp is sizes of batches, such as 1-2-4')

const foreach = z.strictObject({
  items: z
    .union([z.string(), z.array(z.unknown()).max(200)])
    .meta(
      says(
        '${{ list }}, or the list itself; known when the plan is made. Inside the step: item, and index from 0.',
      ),
    ),
  key: z
    .string()
    .optional()
    .meta(
      says(
        '${{ text }} that names an item in the plan, such as item.deployment; else the item if it is text.',
      ),
    ),
  maxParallel: z
    .int()
    .min(1)
    .max(200)
    .optional()
    .meta(says('Items go in batches of so many; absent: all at once.')),
  ramp: ramp.optional().meta(says('Sizes of the first batches; after them come batches of maxParallel.')),
  maxFailures: z
    .int()
    .min(0)
    .max(200)
    .default(0)
    .meta(says('More failed items than this, and no further batch begins.')),
})
export type ForeachDefinition = z.infer<typeof foreach>

const step = z.strictObject({
  id: stepId.meta(says('By which other steps name it; the node of the plan is SYSTEM/id.')),
  title: localized.meta(says('What the step is for, as people read it.')),
  type: z
    .string()
    .min(1)
    .meta(says("A step type, or one of the language's own: approval, manual, wait, runbook, fleet.")),
  with: z
    .record(z.string(), z.unknown())
    .default({})
    .meta(says('What the type takes. Any value may be an ${{ expression }} instead, except of an approval.')),
  needs: z.array(stepId).default([]).meta(says('Steps of this runbook that must have succeeded first.')),
  prerequisites: stepId
    .optional()
    .meta(says('A step to wait for in every system of the same plan that this one cannot serve without.')),
  when: z
    .string()
    .optional()
    .meta(says('${{ boolean }}, decided when the plan is made: false leaves the step out of the plan.')),
  verify: z
    .strictObject({
      within: duration.meta(says('How long it may take until the world says so.')),
      every: duration.meta(says('How often the world is looked at.')),
    })
    .optional()
    .meta(says('After the effect the world is looked at, and must say itself that it is done.')),
  timeout: z
    .strictObject({
      attempt: duration.meta(says('Of one attempt.')),
      total: duration.meta(says('Of all attempts, with the pauses between them.')),
    })
    .optional()
    .meta(says('Deadlines. A step that changes something must have them.')),
  retry: z
    .strictObject({
      max: z.int().min(0).max(1000).meta(says('Tries after the first.')),
      pause: duration.meta(says('Before the second try; it doubles from there, to 30 s at most.')),
      on: z
        .array(failureKind)
        .min(1)
        .optional()
        .meta(
          says(
            'Failures that are worth another try; absent: every kind. After another kind a person is asked.',
          ),
        ),
    })
    .optional()
    .meta(says('How often, and when, it is tried again.')),
  onUnreachable: z
    .partialRecord(modeSchema, onUnreachable)
    .optional()
    .meta(says('For each mode, what is done about a target that does not answer.')),
  foreach: foreach
    .optional()
    .meta(says('One step for each of several items; it becomes as many nodes of the plan.')),
})
export type StepDefinition = z.infer<typeof step>

export const gateSchema = z
  .strictObject({
    purpose: choice({
      ...modes,
      attestation: 'People say how they know that the source is gone; in a failover only.',
    }).meta(says('The mode of the plan that people agree to, or attestation.')),
    quorum: z.int().min(1).max(9).meta(says('Distinct people, none of them the requester.')),
  })
  .meta(says('Waits for signatures: people decide, nothing is changed.'))
export type GateDefinition = z.infer<typeof gateSchema>

/** An auditor reads and changes nothing. */
const role = z.enum(roles).exclude(['auditor'])

export const manualSchema = z
  .strictObject({
    role: role.meta(says('Whoever confirms it has this role.')),
    instructions: localized.meta(says('What the person is to do.')),
  })
  .meta(says('A person of a role does something, and confirms it.'))

export const waitSchema = z
  .strictObject({ for: duration.meta(says('From the end of what it needs.')) })
  .meta(says('Waits for some time. A restart of the daemon does not begin it anew.'))

export const callSchema = z
  .strictObject({
    runbook: runbookName.meta(says('The name of the other runbook.')),
    inputs: z.record(inputName, z.unknown()).default({}).meta(says('Values for its inputs.')),
  })
  .meta(says('The steps of another runbook.'))
export type CallDefinition = z.infer<typeof callSchema>

/** The words are those of `foreach`. */
export const fleetSchema = z
  .strictObject({
    maxParallel: z.int().min(1).max(20_000).optional().meta(says('Runs at once; absent: all.')),
    ramp: ramp
      .optional()
      .meta(says('Sizes of the first groups; behind them each run that ends makes place for the next.')),
    maxFailures: z
      .int()
      .min(0)
      .max(20_000)
      .default(0)
      .meta(says('More failed systems than this, and no further one begins.')),
  })
  .meta(says('Every system that leaves the site goes by its own runbook, in a run of its own.'))

export const runbookSchema = z.strictObject({
  apiVersion: z.literal('haetae/v1').meta(says('The version of the language.')),
  kind: z.literal('Runbook').meta(says('What the file is.')),
  metadata: z
    .strictObject({
      name: runbookName.meta(says('By which systems and other runbooks call it.')),
      title: localized.meta(says('What it does, as people read it.')),
      description: z.string().optional().meta(says('What it is for, in more words.')),
    })
    .meta(says('What the runbook is called.')),
  part: z
    .literal(true)
    .optional()
    .meta(says('It stands in other runbooks only: approval and authority may stand in those, before it.')),
  modes: z.array(modeSchema).min(1).meta(says('What the runbook may be used for.')),
  inputs: z.record(inputName, input).default({}).meta(says('What a person gives when the plan is made.')),
  steps: z
    .array(step)
    .min(1)
    .max(500)
    .meta(says('The graph: a step begins when what it needs has succeeded.')),
  finally: z
    .array(step)
    .min(1)
    .max(50)
    .optional()
    .meta(
      says(
        "Steps that run when all others have ended, whatever became of them. The run's result does not count them.",
      ),
    ),
})
export type RunbookDefinition = z.infer<typeof runbookSchema>

export const gateType = 'approval'
/** Each system that moves goes by its own runbook, in a run of its own. */
export const fleetType = 'fleet'

/** Steps that the language knows itself: no step type stands behind them, and they give no output. */
export const builtIns: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
  [gateType, gateSchema],
  ['manual', manualSchema],
  ['wait', waitSchema],
  ['runbook', callSchema],
  [fleetType, fleetSchema],
])

/** Whether a runbook is for a fleet, and not for one system. */
export function isOfFleet({ steps }: Pick<RunbookDefinition, 'steps'>): boolean {
  return steps.some(({ type }) => type === fleetType)
}

/** A step with its place in the file. */
export interface PlacedStep {
  readonly step: StepDefinition
  readonly at: readonly (string | number)[]
  /** It stands under `finally`. */
  readonly ending: boolean
}

/** Every step of a runbook, those under `finally` last. */
export function placedSteps({ steps, finally: ending = [] }: RunbookDefinition): PlacedStep[] {
  return [
    ...steps.map((step, index) => ({ step, at: ['steps', index], ending: false })),
    ...ending.map((step, index) => ({ step, at: ['finally', index], ending: true })),
  ]
}
