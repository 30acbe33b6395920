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
      if (typeof member !== 'function') return member
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          return await (Reflect.apply(member, target, args) as Promise<unknown>)
        } catch (error) {
          throw inRunbookWords(error)
        }
      }
    },
  })
}

/** What the platform threw, as steps throw it. */
export function inRunbookWords(error: unknown): unknown {
  if (error instanceof NoAnswer) return new Unreachable(error.target, error.cause)
  if (error instanceof Conflict) return new PreconditionRefused(error.target, error.why)
  return error
}
