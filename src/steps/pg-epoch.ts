import { HaetaeError } from '#model/errors.ts'

/** Under which epoch a database is primary, by itself. One that nobody promoted has none: every system begins with 1. */
export const ownEpoch = '(SELECT coalesce(max(epoch), 1) FROM public.haetae_authority)'

/** Throws `authority-lost` when the epoch that the run holds is not that of the database: it is another site's. */
export function refuseOtherEpoch(held: number | undefined, own: number, step: string): void {
  if (held === own) return
  throw new HaetaeError('authority-lost', step, {
    why: `the run holds ${held === undefined ? 'no epoch' : `epoch ${held}`}, the database is primary under epoch ${own}`,
    facts: { held: held ?? null, own },
  })
}
