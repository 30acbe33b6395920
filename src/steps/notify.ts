import { z } from 'zod'
import type { LastTry } from '#runbook/step-type.ts'
import { effectKey } from './effect-key.ts'
import { notDone, serviceUrl, urlOf } from './service-call.ts'
import type { Step } from './targets.ts'

export const notifyInput = z.strictObject({
  url: serviceUrl,
  path: z.string().startsWith('/').default('/').meta({ description: 'where it is posted' }),
  text: z.string().min(1).meta({ description: 'what people read' }),
  data: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'more fields of the JSON that is sent' }),
})

export const notifyOutput = z.strictObject({})

export type NotifyInput = z.infer<typeof notifyInput>
export type NotifyOutput = z.infer<typeof notifyOutput>

export interface NotifyState {
  lastTry: LastTry
}

/**
 * Tells people by a webhook: JSON with `text`, the run and the node. It holds nothing up: when the message cannot be
 * delivered in the time of the step, the step is skipped with the reason, and nobody is asked. After a lost answer it is
 * sent again under the same key.
 */
export const notify: Step<NotifyInput, NotifyState, NotifyOutput> = {
  type: 'notify',
  version: 1,
  effect: 'keyed',
  needsAuthority: false,
  precondition: {
    kind: 'checked',
    by: 'the Idempotency-Key; where it is not read, people see a message twice',
  },
  inverse: { kind: 'none', why: 'what people have read is not taken back' },
  requires: ['service'],
  optional: true,
  input: notifyInput,
  output: notifyOutput,

  observe: async ({ lastTry }) => ({ lastTry }),
  judge: (_input, { lastTry }) => (lastTry === 'done' ? 'holds' : 'absent'),

  async plan(_ctx, input) {
    return [
      {
        certainty: 'exact',
        target: `POST ${urlOf(input, input.path)}`,
        after: { ...input.data, text: input.text },
      },
    ]
  },

  async apply(ctx, input) {
    const key = effectKey(ctx.key)
    const url = urlOf(input, input.path)
    const body = { ...input.data, text: input.text, run: ctx.runId, node: ctx.nodeId }
    const request = { url, method: 'POST', headers: { 'idempotency-key': key }, body }
    const answer = await ctx.writers.services.send(request, ctx.signal)
    if (answer.status < 200 || answer.status >= 300) throw notDone(`POST ${url}`, answer)
    return {}
  },

  adopt: () => ({}),

  invert: () => 'none',
}
