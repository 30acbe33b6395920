/**
 * An expression that does not compile, or has no value. This room stands at the bottom and knows no catalogue:
 * whoever knows the file and the step turns it into an error for people.
 */
export class ExpressionError extends Error {
  readonly source: string
  /** Where in the source, in characters from 0. */
  readonly offset: number
  readonly remedy: string | undefined

  constructor(source: string, offset: number, reason: string, remedy?: string) {
    super(reason)
    this.name = 'ExpressionError'
    this.source = source
    this.offset = offset
    this.remedy = remedy
  }
}
