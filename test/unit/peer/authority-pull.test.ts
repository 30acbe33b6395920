import { expect, test } from 'vitest'
import { pullAuthority, type AuthorityPullPorts } from '#peer/authority-pull.ts'
import type { PeerClient } from '#peer/client.ts'

const moved = { system: 'GPK', epoch: 2, site: 'daejeon', runId: 'F-1' }

/** Pulls until `rounds` are over; returns what was applied, in order. */
async function applied(rounds: number, ports: Partial<AuthorityPullPorts>, failing = 0): Promise<string[]> {
  const ending = new AbortController()
  const seen: string[] = []
  const client = { site: 'daejeon', authority: async () => ({ site: 'daejeon', authorities: [moved] }) }
  let left = rounds
  await pullAuthority(
    client as unknown as PeerClient,
    {
      clock: { now: () => 0, sleep: async () => void (--left === 0 && ending.abort()) },
      log: { info() {}, warn() {} },
      learnt: [],
      learn: async () => false,
      async apply({ system, epoch }) {
        if (failing-- > 0) throw new Error('the name server does not answer')
        seen.push(`${system} ${epoch}`)
      },
      ...ports,
    },
    1,
    ending.signal,
  )
  return seen
}

test('a newer authority is applied once, and again and again until it is', async () => {
  const known = new Set<string>()
  const learn: AuthorityPullPorts['learn'] = async ({ system }) => !known.has(system) && !!known.add(system)
  expect(await applied(5, { learn }, 2)).toEqual(['GPK 2'])
})

test('what an earlier start had learnt is applied although the peer says nothing new: it may have died in between', async () => {
  expect(await applied(3, { learnt: [moved] }, 1)).toEqual(['GPK 2'])
  expect(await applied(3, {})).toEqual([])
})
