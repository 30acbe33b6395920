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

/** A query of Prometheus must be true now. What was never measured is not true. */
export const promAssert: Step<ConditionInput, ConditionState, ConditionOutput> = {
  ...conditionType,
  type: 'prom.assert',

  async apply(ctx, input) {
    const state = await askCondition(ctx, input)
    if (!isTrue(state)) throw notTrue('prom.assert', input)
    return state
  },
}
