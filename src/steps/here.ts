import { HaetaeError } from '#model/errors.ts'
import type { Readers } from './targets.ts'

/** Throws `wrong-site` when a step names another site than the one whose targets these are. */
export function refuseElsewhere(readers: Pick<Readers, 'site'>, site: string, step: string): void {
  if (readers.site === site) return
  throw new HaetaeError('wrong-site', step, {
    why: `it acts at ${site}, and this daemon's cluster and name server are those of ${readers.site}`,
    facts: { site, here: readers.site },
  })
}

/** Throws `authority-lost` when the run does not hold the epoch that the step was given. */
export function refuseWithoutEpoch(held: number | undefined, wanted: number, step: string): void {
  if (held === wanted) return
  throw new HaetaeError('authority-lost', step, {
    why:
      held === undefined ? 'the run holds no epoch' : `the run holds epoch ${held}, the step has ${wanted}`,
    facts: { held: held ?? null, wanted },
  })
}
