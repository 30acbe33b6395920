/** Thrown inside the engine where work must end at once: the term is over, or the engine stops. Never an outcome. */
export class Stopped extends Error {
  constructor(why: string, cause?: unknown) {
    super(why, cause === undefined ? undefined : { cause })
    this.name = 'Stopped'
  }
}
