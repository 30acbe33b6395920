import { countSyncs } from './kernel.ts'
import type { Side } from './sides.ts'
import { chain } from './work.ts'

/** What reached the disk while a side did steps one after the other. */
export interface Proof {
  steps: number
  /** Syncs as the kernel counted them, and as the side's store counted itself meanwhile. */
  kernel: number
  own: number
}

/** Counts in the kernel, and beside it as the store counts itself. `folder` gets the trace. */
export async function prove(side: Side, folder: string, steps: number, signal: AbortSignal): Promise<Proof> {
  let own = 0
  const kernel = await countSyncs(side.storePids(), folder, async () => {
    const before = await side.syncs()
    await side.run(chain(steps), signal)
    own = (await side.syncs()) - before
  })
  return { steps, kernel, own }
}

/** `synced`: on the disk before the next step began. Fewer syncs than steps: some outcomes were kept in memory only. */
export function verdictOf({ steps, kernel }: Proof): 'synced' | 'weaker' {
  return kernel >= steps ? 'synced' : 'weaker'
}
