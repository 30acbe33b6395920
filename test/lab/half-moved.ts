import { decisionArgs, decisions, failoverArgs } from '../../lab/drill/commands.ts'
import { until } from '../../lab/drill/waiting.ts'
import { lose } from '../../lab/lose.ts'
import { siteKubectl } from '../../lab/site/control.ts'
import type { PairLab } from '../support/pair-lab.ts'

export const to = 'gwangju'
const from = 'daejeon'
const patiently = { withinMs: 90_000, signal: new AbortController().signal }

export async function loseHome({ instance, view }: PairLab): Promise<void> {
  await lose(instance, from)
  await until(
    async () => {
      const site = (await view.sites(to)).find(({ id }) => id === from)
      return site?.state === 'suspected-lost' ? { done: true } : { notYet: String(site?.state) }
    },
    { ...patiently, what: 'the loss is suspected' },
  )
}

/** The command that declares a failover of the named systems, or of all that are to move. */
export function failoverOf(...systems: string[]): string[] {
  const named = systems.length === 0 ? [] : ['--systems', systems.join(',')]
  return [...failoverArgs(from, to), ...named, '--confirm', from, '--quiet']
}

export async function declare(lab: PairLab, ...systems: string[]): Promise<string> {
  return ((await lab.command(...failoverOf(...systems))) as { id: string }).id
}

export async function approve(lab: PairLab, run: string, ...gates: string[]): Promise<void> {
  for (const decision of decisions.filter(({ gate }) => gates.includes(gate)))
    await lab.command(...decisionArgs(run, to, decision), '--confirm', run, '--quiet')
}

/**
 * A failover of one system that is canceled after its workloads were told to start and before they are ready: no node
 * of the site takes pods meanwhile.
 */
export async function cancelHalfway(lab: PairLab, system: string): Promise<string> {
  const kubectl = await siteKubectl(lab.instance, to)
  await kubectl(['cordon', to])
  const run = await declare(lab, system)
  await approve(lab, run, 'approve', 'attest')
  await comesTo(lab, run, 'the workloads are waited for', ({ graph }) => {
    const started = graph.find(({ id }) => id === `${system}/start`)?.state
    return started === 'succeeded' ? undefined : `${system}/start is ${started}`
  })
  const why = ['--reason', 'no node takes pods', '--confirm', run]
  await lab.command('run', 'cancel', run, '--site', to, '--as', 'commander-1', ...why)
  await comesTo(lab, run, 'it is canceled', ({ state }) => (state === 'canceled' ? undefined : state))
  await kubectl(['uncordon', to])
  return run
}

type Shown = Awaited<ReturnType<PairLab['view']['run']>>

async function comesTo(
  lab: PairLab,
  run: string,
  what: string,
  missing: (shown: Shown) => string | undefined,
) {
  const looking = async () => {
    const notYet = missing(await lab.view.run(to, run))
    return notYet === undefined ? { done: true } : { notYet }
  }
  await until(looking, { ...patiently, what })
}

/** Waits until citizens are served by a system at an address, and by no other. */
export async function citizensReach({ record }: PairLab, system: string, address: string): Promise<void> {
  const last = async () => {
    await record.read()
    const line = record.lines.findLast((one) => one.kind === 'acknowledged' && one.system === system)
    const at = line?.kind === 'acknowledged' ? line.address : 'none'
    return at === address ? { done: true } : { notYet: `the last was acknowledged at ${at}` }
  }
  await until(last, { ...patiently, what: `citizens reach ${system} at ${address}` })
}

/** Where a system is on record, and since which epoch. */
export async function onRecord({ view }: PairLab, system: string) {
  const { activeSite, epoch } = (await view.systems(to)).find(({ id }) => id === system) ?? {}
  return { activeSite, epoch }
}
