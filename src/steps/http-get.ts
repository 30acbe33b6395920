import { HaetaeError } from '#model/errors.ts'
import type { HttpAnswer } from '#platform/http/types.ts'
import { getInput, type GetInput } from './inputs.ts'
import { getOutput, type GetOutput } from './outputs.ts'
import type { Read, Step } from './targets.ts'

const everyMs = 500

/** Waits until a web service gives a real answer at a path: the check of a system that keeps no data. */
export const httpGet: Step<GetInput, HttpAnswer, GetOutput> = {
  type: 'http.get',
  version: 1,
  effect: 'read',
  needsAuthority: false,
  precondition: { kind: 'unfenced', why: 'it changes nothing' },
  inverse: { kind: 'none', why: 'it changes nothing' },
  requires: [],
  input: getInput,
  output: getOutput,

  observe: ask,
  judge: (_input, { status }) => (status === 200 ? 'holds' : 'absent'),
  plan: async () => [],

  async apply(ctx, input, state) {
    let answer = state
    while (answer.status !== 200) {
      ctx.progress(`it answers ${answer.status}: ${textOf(answer)}`)
      try {
        await ctx.clock.sleep(everyMs, ctx.signal)
      } catch {
        throw notServing(input, answer)
      }
      answer = await ask(ctx, input)
    }
    return outputOf(answer)
  },

  adopt: (_input, state) => outputOf(state),
  invert: () => 'none',
}

function ask(ctx: Read, { address, port, name, path }: GetInput): Promise<HttpAnswer> {
  return ctx.readers.http.get({ address, port, serverName: name }, path, ctx.signal)
}

function outputOf({ status }: HttpAnswer): GetOutput {
  return { status }
}

function notServing({ system, name, address, path }: GetInput, answer: HttpAnswer): HaetaeError {
  return new HaetaeError('check-failed', `${system} (${name} at ${address}) answers 200 at ${path}`, {
    why: `it answered ${answer.status}: ${textOf(answer)}`,
    facts: { system, path, status: answer.status },
  })
}

function textOf({ body }: HttpAnswer): string {
  return (typeof body === 'string' ? body : JSON.stringify(body)).slice(0, 400)
}
