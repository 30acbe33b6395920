import { HaetaeError } from '#model/errors.ts'
import type { HttpAnswer } from '#platform/http/types.ts'
import { effectKey } from './effect-key.ts'
import { checkInput, type CheckInput } from './inputs.ts'
import { checkOutput, type CheckOutput } from './outputs.ts'
import type { Act, Read, Step } from './targets.ts'

export interface CheckState {
  /** Id of the transaction of this node of this run; null while planning. */
  transaction: string | null
  /** Status of the look-up of that transaction; null when it was not looked up. */
  found: number | null
  /** Status of the health path; null when it is not asked. */
  health: number | null
}

/**
 * A real transaction under an id made from the run and the node: however often it is tried, it is stored once.
 * What is expected: the health path answers 200, the service accepts the transaction, and gives it back.
 */
export const httpCheck: Step<CheckInput, CheckState, CheckOutput> = {
  type: 'http.check',
  version: 1,
  effect: 'keyed',
  needsAuthority: true,
  precondition: { kind: 'checked', by: "the transaction's id, which the web service stores once" },
  inverse: { kind: 'none', why: "what a citizen's system has stored is not deleted behind its back" },
  requires: [],
  input: checkInput,
  output: checkOutput,

  async observe(ctx, input) {
    const transaction = ctx.key === undefined ? null : effectKey(ctx.key)
    const health = input.health === undefined ? null : (await get(ctx, input, input.health)).status
    const found = transaction === null ? null : (await get(ctx, input, `${input.path}/${transaction}`)).status
    return { transaction, found, health }
  },

  judge: (_input, state) =>
    state.found === 200 && (state.health === null || state.health === 200) ? 'holds' : 'absent',

  async plan(_ctx, input) {
    return [
      {
        certainty: 'exact',
        target: `${input.name} at ${input.address}:${input.port}${input.path}`,
        after: 'one transaction of this run more',
      },
    ]
  },

  async apply(ctx, input) {
    const id = effectKey(ctx.key)
    if (input.health !== undefined) expect(input, 'is healthy', await get(ctx, input, input.health), [200])
    const payload = { from: 'haetae', run: ctx.runId, node: ctx.nodeId }
    const posted = await ctx.writers.http.send(
      targetOf(input),
      'POST',
      input.path,
      { id, payload },
      ctx.signal,
    )
    expect(input, 'accepts a transaction', posted, [200, 201])
    const back = await get(ctx, input, `${input.path}/${id}`)
    expect(input, 'gives the transaction back', back, [200])
    if ((back.body as { id?: unknown } | null)?.id !== id)
      throw failed(input, 'gives the transaction back', back)
    return { transaction: id }
  },

  adopt(_input, state) {
    if (state.transaction === null) throw new Error('no transaction is there to adopt')
    return { transaction: state.transaction }
  },

  invert: () => 'none',
}

function get(ctx: Read | Act, input: CheckInput, path: string): Promise<HttpAnswer> {
  return ctx.readers.http.get(targetOf(input), path, ctx.signal)
}

function targetOf(input: CheckInput) {
  return { address: input.address, port: input.port, serverName: input.name }
}

function expect(input: CheckInput, what: string, answer: HttpAnswer, statuses: readonly number[]): void {
  if (!statuses.includes(answer.status)) throw failed(input, what, answer)
}

function failed(input: CheckInput, what: string, answer: HttpAnswer): HaetaeError {
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
  return new HaetaeError('check-failed', `${input.system} (${input.name} at ${input.address}) ${what}`, {
    why: `it answered ${answer.status}: ${text.slice(0, 400)}`,
    facts: { system: input.system, expectation: what, status: answer.status },
  })
}
