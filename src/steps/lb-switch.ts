import { isDeepStrictEqual } from 'node:util'
import { HaetaeError } from '#model/errors.ts'
import type { Balanced } from '#platform/haproxy/types.ts'
import type { ChangedSince } from '#runbook/step-type.ts'
import { refuseElsewhere } from './here.ts'
import { balanceInput, type BalanceInput } from './inputs.ts'
import { balanceOutput, type BalanceOutput } from './outputs.ts'
import { refuseChanged } from './refuse-changed.ts'
import type { Step } from './targets.ts'

/** Null when there is no such backend. */
export type BalanceState = Balanced | null

/** Sends all traffic of a backend of this site's load balancer to one of its servers. */
export const lbSwitch: Step<BalanceInput, BalanceState, BalanceOutput> = {
  type: 'lb.switch',
  version: 2,
  effect: 'idempotent',
  needsAuthority: true,
  precondition: {
    kind: 'checked',
    by: 'HAProxy compares, in one command (manifests/haproxy/haetae.lua), how often the backend was switched and which servers serve',
  },
  inverse: { kind: 'step', type: 'lb.switch' },
  requires: ['load-balancer'],
  input: balanceInput,
  output: balanceOutput,

  async observe(ctx, input) {
    refuseElsewhere(ctx.readers, input.site, `lb.switch of ${input.backend}`)
    return (await ctx.readers.loadBalancer.backend(input.backend, ctx.signal)) ?? null
  },

  judge(input, state) {
    if (isSwitched(input, state)) return 'holds'
    return changedOf(input, state).length > 0 ? 'unclear' : 'absent'
  },

  async plan(_ctx, input, state) {
    const target = targetOf(input)
    const after = { serving: [input.server] }
    const chosen = state?.servers.find(({ name }) => name === input.server)
    if (chosen === undefined)
      return [
        {
          certainty: 'opaque',
          target,
          after,
          why: { en: `it has no server ${input.server}`, ko: `${input.server} 서버가 없음` },
        },
      ]
    return [{ certainty: 'exact', target, before: { serving: servingIn(state) }, after }]
  },

  async apply(ctx, input, state) {
    refuseElsewhere(ctx.readers, input.site, `lb.switch of ${input.backend}`)
    if (state?.servers.every(({ name }) => name !== input.server) ?? true) throw missing(input, state)
    refuseChanged(changedOf(input, state))
    if (state !== null && !isSwitched(input, state))
      await ctx.writers.loadBalancer.switch(input.backend, input.server, state, ctx.signal)
    return outputOf(input)
  },

  adopt: outputOf,

  // Several that served together are not brought back by a switch, which chooses one.
  invert(input, before) {
    const [server, ...more] = servingIn(before)
    if (before === null || server === undefined || more.length > 0) return 'none'
    const left = { version: before.version + 1, server: input.server }
    return { type: 'lb.switch', with: { ...input, server, left } }
  },

  changedSince: changedOf,
}

/** Every switch raises the version; what an administrator does by hand is seen by who serves. */
function changedOf(input: BalanceInput, state: BalanceState): ChangedSince[] {
  if (input.left === undefined || isSwitched(input, state)) return []
  const left = { version: input.left.version, serving: [input.left.server] }
  const found = state && { version: state.version, serving: servingIn(state) }
  return isDeepStrictEqual(left, found) ? [] : [{ target: targetOf(input), left, found }]
}

function targetOf({ backend }: BalanceInput): string {
  return `backend ${backend} of the load balancer`
}

function isSwitched(input: BalanceInput, state: BalanceState): boolean {
  const serving = servingIn(state)
  return serving.length === 1 && serving[0] === input.server
}

function servingIn(state: BalanceState): string[] {
  return (state?.servers ?? []).filter(({ serving }) => serving).map(({ name }) => name)
}

function missing(input: BalanceInput, state: BalanceState): HaetaeError {
  const names = state?.servers.map(({ name }) => name)
  return new HaetaeError('load-balancer-server-missing', `${input.server} of backend ${input.backend}`, {
    why:
      names === undefined
        ? { en: 'there is no such backend', ko: '그런 backend가 없습니다' }
        : { en: `the backend has ${names.join(', ')}`, ko: `이 backend의 서버: ${names.join(', ')}` },
    facts: { site: input.site, backend: input.backend, server: input.server },
  })
}

function outputOf({ backend, server }: BalanceInput): BalanceOutput {
  return { backend, server }
}
