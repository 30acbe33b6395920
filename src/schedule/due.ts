import { createHash } from 'node:crypto'

/** Due times of one subject under one policy that are not slots yet, milliseconds. */
export interface DueTimes {
  /** Passed without a slot (nothing ran here then): written down as missed. */
  missed: number[]
  /** The one to do now: a missed schedule is caught up once, not once for each time. */
  due: number | undefined
}

/** At most this many missed times are written down at once; a year of them helps nobody. */
const missedAtMost = 50

/**
 * Which times of `every` are due between `after` (the newest slot's, exclusive) and `now`. Pure.
 * Times lie on a grid from the epoch, shifted per subject so that not everything starts in the same second.
 * With no slot before (`after` undefined) only the newest past time counts: history begins now.
 */
export function dueTimes(
  policy: string,
  subject: string,
  everyMs: number,
  after: number | undefined,
  now: number,
): DueTimes {
  const shift = shiftOf(`${policy} ${subject}`, everyMs)
  const newest = Math.floor((now - shift) / everyMs) * everyMs + shift
  if (after !== undefined && newest <= after) return { missed: [], due: undefined }
  if (after === undefined) return { missed: [], due: newest }
  const missed: number[] = []
  for (let at = newest - everyMs; at > after && missed.length < missedAtMost; at -= everyMs)
    missed.unshift(at)
  return { missed, due: newest }
}

function shiftOf(text: string, everyMs: number): number {
  const spread = Math.min(everyMs, 3_600_000)
  return createHash('sha256').update(text).digest().readUInt32BE(0) % spread
}
