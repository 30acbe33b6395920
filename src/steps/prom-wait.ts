import {
  askCondition,
  conditionType,
  isTrue,
  notTrue,
  type ConditionInput,
  type ConditionOutput,
  type ConditionState,
} from './prom-condition.ts'
import type { Step } from './targets.ts'

const everyMs = 1_000

/** Waits until a query of Prometheus is true, for as long as an attempt of the step may take. */
export const promWait: Step<ConditionInput, ConditionState, ConditionOutput> = {
  ...conditionType,
  type: 'prom.wait',

  async apply(ctx, input, state) {
    let seen = state
    while (!isTrue(seen)) {
      try {
        await ctx.clock.sleep(everyMs, ctx.signal)
      } catch {
        throw notTrue('prom.wait', input)
      }
      seen = await askCondition(ctx, input)
    }
    return seen
  },
}
