import { z } from 'zod'
import { HaetaeError } from '#model/errors.ts'
import type { HttpAnswer } from '#platform/http/types.ts'
import { Unreachable } from '#runbook/step-type.ts'

/* What the step types that call a web service have in common. */

export const serviceUrl = z
  .string()
  .regex(/^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/, 'an address such as https://hooks.gov.test is needed')
  .meta({ description: 'a service of the configuration of the daemon' })

export function urlOf({ url }: { url: string }, at: string, key?: string): string {
  return url.replace(/\/$/, '') + (key === undefined ? at : at.replaceAll('{key}', key))
}

/** What an answer other than done means: after a 5xx or 408 it is not known what was done, else nothing was. */
export function notDone(what: string, answer: HttpAnswer): Error {
  const why = textOf(answer)
  if (answer.status >= 500 || answer.status === 408) return new Unreachable(what, new Error(why))
  return new HaetaeError('call-refused', what, { why, facts: { status: answer.status } })
}

export function textOf({ status, body }: HttpAnswer): string {
  return `it answered ${status}: ${(typeof body === 'string' ? body : JSON.stringify(body)).slice(0, 400)}`
}
