import { Conflict, NoAnswer } from '#platform/no-answer.ts'
import { PreconditionRefused, Unreachable } from '#runbook/step-type.ts'

/**
 * The same client, with what the platform throws told in the runbook's words: no answer is Unreachable (so the
 * engine takes the step for unknown), a refused precondition is PreconditionRefused. Everything else passes.
 */
export function answering<T extends object>(client: T): T {
  return new Proxy(client, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver)
      if (typeof member === 'object' && member !== null) return answering(member)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): Promise<unknown> =>
        inRunbookWords(Reflect.apply(member, target, args) as Promise<unknown>)
    },
  })
}

/** What `work` gives, and what it throws in the runbook's words: for what rooms below throw by themselves. */
export async function inRunbookWords<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw translated(error)
  }
}

function translated(error: unknown): unknown {
  if (error instanceof Unreachable || error instanceof PreconditionRefused) return error
  if (error instanceof NoAnswer) return new Unreachable(error.target, error.cause)
  if (error instanceof Conflict) return new PreconditionRefused(error.target, error.why)
  return error
}
