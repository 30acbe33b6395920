import { z } from 'zod'

/** An object whose members are not laid down here. */
export const anything = z.record(z.string(), z.unknown())

/** A text for people, in Korean and English. */
export const localized = z.object({ ko: z.string(), en: z.string() })
/** A reason or a note: in both languages, or in the one that there is. */
export const text = z.union([z.string(), localized])
export type Text = z.infer<typeof text>

/** An instant as RFC 3339 UTC text with milliseconds. */
export const instant = z.iso.datetime()

export const systemId = z.string().regex(/^[A-Z][A-Z0-9]{1,7}$/)
export const siteId = z.string().regex(/^[a-z][a-z0-9-]{1,30}$/)
/** The id of a run is its name: what people type back. */
export const runId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/)

/** A finding that somebody still has to do something about, beside what it is about. */
export const openFinding = z.object({
  rule: z.string(),
  subject: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  message: localized,
  since: instant,
})
export type OpenFinding = z.infer<typeof openFinding>

/** A place in a run's journal. */
export const seq = z.coerce.number().int().min(0).max(2_147_483_647)

/** What every list takes: at most `limit` items after `cursor`, which is the `next` of the page before. */
export const page = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(200),
  cursor: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, 'a cursor is the `next` of the page before')
    .optional(),
})
/** A page of a list whose cursors are the numbers of rows. */
export const numberedPage = page.extend({
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,17}$/, 'a cursor is the `next` of the page before')
    .optional(),
})
export type Page = z.infer<typeof page>

/** A page of items; `next` is null on the last one. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() })
}

/** A page as services hand it over. */
export interface Listed<T> {
  items: T[]
  next: string | null
}
