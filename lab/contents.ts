/** What a lab consists of besides its two sites. */
export interface LabContents {
  /** The systems of the estate, their databases, the people and the command line's context. */
  systems: boolean
  /** Haetae's daemon at each site; needs the systems. */
  daemons: boolean
  /** People who use the systems; needs the systems. */
  citizens: boolean
}

export const EVERYTHING: LabContents = { systems: true, daemons: true, citizens: true }
export const SITES_ONLY: LabContents = { systems: false, daemons: false, citizens: false }
