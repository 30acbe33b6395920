import type { LabName } from '#estate/generate-lab.ts'

/** What a lab consists of besides its two sites. */
export interface LabContents {
  /** The systems of the estate, their databases, the people and the command line's context. */
  systems: boolean
  /** Which systems: the name of an overlay of the estate. */
  estate: LabName
  /** Haetae's daemon at each site; needs the systems. */
  daemons: boolean
  /** People who use the systems; needs the systems. */
  citizens: boolean
}

export const EVERYTHING: LabContents = { systems: true, estate: 'lab', daemons: true, citizens: true }
export const SITES_ONLY: LabContents = { systems: false, estate: 'lab', daemons: false, citizens: false }
