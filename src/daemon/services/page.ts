import type { Listed, Page } from '#api/schema/common.ts'

/** A page of a list that is in memory; the cursor is the key of the last item of the page before. */
export function pageOf<T>(items: readonly T[], page: Page, keyOf: (item: T) => string): Listed<T> {
  const start = page.cursor === undefined ? 0 : items.findIndex((item) => keyOf(item) === page.cursor) + 1
  const part = items.slice(start, start + page.limit)
  const last = part.at(-1)
  return { items: part, next: start + page.limit < items.length && last !== undefined ? keyOf(last) : null }
}

/** A page of rows read with one more than asked for: the extra one only says that there is a next page. */
export function pageOfRows<T>(rows: readonly T[], limit: number, keyOf: (item: T) => string): Listed<T> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, next: rows.length > limit && last !== undefined ? keyOf(last) : null }
}
