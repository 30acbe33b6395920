import { z } from 'zod'
import { HaetaeError } from '#model/errors.ts'
import type { Sample } from '#platform/prometheus/client.ts'
import type { Read, Step } from './targets.ts'

/* What `prom.assert` and `prom.wait` have in common: a query is true as a condition of an alert is. */

export const conditionInput = z.strictObject({
  query: z
    .string()
    .min(1)
    .refine(
      (query) => !/[=!<>]=?\s*bool\b/.test(query),
      'a comparison with bool always gives a result, so it is always true: leave bool out',
    )
    .meta({ description: 'PromQL; true when it gives at least one series, as in a rule of an alert' }),
})

export const conditionOutput = z.strictObject({
  series: z.int().meta({ description: 'how many series it gave' }),
  value: z.number().nullable().meta({ description: 'of the only series; null where there are more' }),
})

export type ConditionInput = z.infer<typeof conditionInput>
export type ConditionOutput = z.infer<typeof conditionOutput>
export type ConditionState = ConditionOutput

/** All of a step type but its name and what it does about a query that is not true. */
export const conditionType: Omit<Step<ConditionInput, ConditionState, ConditionOutput>, 'type' | 'apply'> = {
  version: 1,
  effect: 'read',
  needsAuthority: false,
  precondition: { kind: 'unfenced', why: 'it changes nothing' },
  inverse: { kind: 'none', why: 'it changes nothing' },
  requires: ['prometheus'],
  input: conditionInput,
  output: conditionOutput,
  observe: askCondition,
  judge: (_input, state) => (isTrue(state) ? 'holds' : 'absent'),
  plan: async () => [],
  adopt: (_input, state) => state,
  invert: () => 'none',
}

/** Asks once. Throws Unreachable. */
export async function askCondition(ctx: Read, { query }: ConditionInput): Promise<ConditionState> {
  const found = await ctx.readers.prometheus.vector(query, ctx.signal)
  return { series: found.length, value: found.length === 1 ? plain(found[0]) : null }
}

export function isTrue({ series }: ConditionState): boolean {
  return series > 0
}

export function notTrue(type: string, { query }: ConditionInput): HaetaeError {
  return new HaetaeError('condition-false', type, {
    why: { ko: `결과가 없음: ${query}`, en: `it gives no series: ${query}` },
    facts: { query },
  })
}

/** NaN and the infinities have no JSON form. */
function plain(sample: Sample | undefined): number | null {
  return sample === undefined || !Number.isFinite(sample.value) ? null : sample.value
}
