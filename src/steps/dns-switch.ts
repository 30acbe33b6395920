import type { DnsAnswer, DnsChange, DnsPrerequisite } from '#platform/dns/types.ts'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { epochInTexts, textsWithEpoch } from './epoch-text.ts'
import { refuseElsewhere, refuseWithoutEpoch } from './here.ts'
import { switchInput, type SwitchInput } from './inputs.ts'
import { switchOutput, type SwitchOutput } from './outputs.ts'
import type { Step } from './targets.ts'

/** Sends citizens to an address. The epoch stands beside it and is compared by the name server in the same update. */
export const dnsSwitch: Step<SwitchInput, DnsAnswer, SwitchOutput> = {
  type: 'dns.switch',
  version: 1,
  effect: 'idempotent',
  needsAuthority: true,
  precondition: {
    kind: 'checked',
    by: 'RFC 2136 prerequisite: the TXT record must still be the one that was seen',
  },
  inverse: { kind: 'none', why: 'sending citizens back takes a new epoch of the other site' },
  requires: [],
  input: switchInput,
  output: switchOutput,

  async observe(ctx, input) {
    refuseElsewhere(ctx.readers, input.site, `dns.switch of ${input.name}`)
    return ctx.readers.dns.lookUp(input.name, ctx.signal)
  },

  judge(input, state) {
    const epoch = epochInTexts(state.texts)
    if (epoch > input.epoch) return 'unclear'
    const there = state.addresses.length === 1 && state.addresses[0] === input.address
    return epoch === input.epoch && there ? 'holds' : 'absent'
  },

  async plan(_ctx, input, state) {
    const after = { addresses: [input.address], texts: textsWithEpoch(state.texts, input.epoch) }
    const before = { addresses: state.addresses, texts: state.texts }
    return [{ certainty: 'exact', target: `${canonicalName(input.name)} A and TXT`, before, after }]
  },

  async apply(ctx, input, state) {
    refuseElsewhere(ctx.readers, input.site, `dns.switch of ${input.name}`)
    refuseWithoutEpoch(ctx.epoch, input.epoch, `dns.switch of ${input.name}`)
    const there = epochInTexts(state.texts)
    if (there > input.epoch) throw new PreconditionRefused(input.name, `it points by epoch ${there} already`)
    await ctx.writers.dns.update([asSeen(input, state)], changesOf(input, state), ctx.signal)
    return outputOf(input)
  },

  adopt: outputOf,

  invert: () => 'none',
}

/** However a runbook writes it: names are the same in either case, and with or without the root's dot. */
function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

function asSeen(input: SwitchInput, state: DnsAnswer): DnsPrerequisite {
  const { name } = input
  if (state.texts.length === 0) return { kind: 'absent', name, type: 'TXT' }
  return { kind: 'equals', name, type: 'TXT', values: state.texts }
}

function changesOf(input: SwitchInput, state: DnsAnswer): DnsChange[] {
  const { name, ttlSeconds } = input
  return [
    { kind: 'set', name, type: 'A', ttlSeconds, values: [input.address] },
    { kind: 'set', name, type: 'TXT', ttlSeconds, values: textsWithEpoch(state.texts, input.epoch) },
  ]
}

function outputOf(input: SwitchInput): SwitchOutput {
  return { name: input.name, address: input.address, epoch: input.epoch }
}
