import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { HttpAnswer } from '#platform/http/types.ts'
import { PreconditionRefused, Unreachable, type Judgement, type LastTry } from '#runbook/step-type.ts'
import { effectKey } from './effect-key.ts'
import { notDone, serviceUrl, textOf, urlOf } from './service-call.ts'
import type { Read, Step } from './targets.ts'

const path = z.string().startsWith('/')
const status = z.int().min(100).max(599)

export const callInput = z.strictObject({
  url: serviceUrl,
  method: z
    .enum(['POST', 'PUT', 'PATCH', 'DELETE'])
    .default('POST')
    .meta({ description: 'how it is called' }),
  path: path.meta({ description: 'what is called; `{key}` in it is the key of the step' }),
  body: z.unknown().optional().meta({ description: 'sent as JSON' }),
  accept: z
    .array(status)
    .min(1)
    .optional()
    .meta({ description: 'answers that mean done; any 2xx if absent' }),
  check: z
    .strictObject({
      path: path.meta({ description: 'asked by GET; `{key}` in it is the key of the step' }),
      expect: z
        .strictObject({
          status: status.default(200).meta({ description: 'of the answer' }),
          body: z.unknown().optional().meta({ description: 'JSON that the answer has at least' }),
        })
        .prefault({ status: 200 })
        .meta({ description: 'the answer that means done' }),
    })
    .optional()
    .meta({
      description: 'how to see that it was done; without it a person is asked when an answer is lost',
    }),
})

export const callOutput = z.strictObject({
  key: z.string().meta({ description: 'Idempotency-Key that the service was given' }),
})

export type CallInput = z.infer<typeof callInput>
export type CallOutput = z.infer<typeof callOutput>

export interface CallState {
  /** The Idempotency-Key; null while planning. */
  key: string | null
  /** What the look-up of the input says; null when there is none, or none that can be asked without a key. */
  seen: 'done' | 'not-done' | null
  lastTry: LastTry
}

/**
 * Asks a web service to do something once, under a key that it can tell a repetition by. Whether it was done is looked
 * up as the input says. Without that nothing can be seen: what the service answered counts, and a lost answer is a
 * question for a person.
 */
export const httpCall: Step<CallInput, CallState, CallOutput> = {
  type: 'http.call',
  version: 1,
  effect: 'keyed',
  needsAuthority: false,
  precondition: { kind: 'checked', by: 'the Idempotency-Key, under which the service acts once' },
  inverse: {
    kind: 'none',
    why: 'only the service knows what would take it back; call that in a step of its own',
  },
  requires: ['service'],
  input: callInput,
  output: callOutput,

  async observe(ctx, input) {
    const key = ctx.key === undefined ? null : effectKey(ctx.key)
    return { key, seen: await lookUp(ctx, input, key), lastTry: ctx.lastTry }
  },

  judge(_input, { seen, lastTry }) {
    if (seen !== null) return seen === 'done' ? 'holds' : 'absent'
    return ({ done: 'holds', lost: 'unclear', none: 'absent' } satisfies Record<LastTry, Judgement>)[lastTry]
  },

  async plan(_ctx, input, { seen }) {
    if (seen === 'done') return []
    return [{ certainty: 'exact', target: `${input.method} ${urlOf(input, input.path)}`, after: input.body }]
  },

  async apply(ctx, input) {
    const key = effectKey(ctx.key)
    const url = urlOf(input, input.path, key)
    const { method, body } = input
    const request = { url, method, headers: { 'idempotency-key': key }, body }
    expectDone(input, await ctx.writers.services.send(request, ctx.signal))
    return { key }
  },

  adopt(_input, { key }) {
    if (key === null) throw new Error('nothing was called yet')
    return { key }
  },

  invert: () => 'none',
}

async function lookUp(ctx: Read, { url, check }: CallInput, key: string | null): Promise<CallState['seen']> {
  if (check === undefined || (key === null && check.path.includes('{key}'))) return null
  const asked = urlOf({ url }, check.path, key ?? '')
  const { status: got, body } = await ctx.readers.services.get(asked, ctx.signal)
  if (got === check.expect.status && contains(body, check.expect.body)) return 'done'
  if (got < 400 || got === 404 || got === 410) return 'not-done'
  if (got === 429) throw new Unreachable(`GET ${asked}`, new Error(textOf({ status: got, body })))
  throw notDone(`GET ${asked}`, { status: got, body })
}

/** 409 and 412 are the service's word that what it was asked about is not as it was; it did nothing. */
function expectDone(input: CallInput, answer: HttpAnswer): void {
  const { status: got } = answer
  if (input.accept === undefined ? got >= 200 && got < 300 : input.accept.includes(got)) return
  const what = `${input.method} ${urlOf(input, input.path)}`
  if (got === 409 || got === 412) throw new PreconditionRefused(what, textOf(answer))
  throw notDone(what, answer)
}

/** Every field that is expected is there with that value; lists are equal as a whole. */
function contains(found: unknown, expected: unknown): boolean {
  if (expected === undefined) return true
  if (typeof expected !== 'object' || expected === null || Array.isArray(expected))
    return isDeepStrictEqual(found, expected)
  if (typeof found !== 'object' || found === null) return false
  return Object.entries(expected).every(([name, value]) =>
    contains((found as Record<string, unknown>)[name], value),
  )
}
