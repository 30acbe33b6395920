import { PreconditionRefused, type ChangedSince } from '#runbook/step-type.ts'

/** Throws PreconditionRefused when a step that takes another one back finds something else than that had left. */
export function refuseChanged([first]: readonly ChangedSince[]): void {
  if (first === undefined) return
  const [was, now] = [JSON.stringify(first.left), JSON.stringify(first.found)]
  throw new PreconditionRefused(first.target, `somebody changed it since: ${was} was left, ${now} is there`)
}
