import type { FindingService } from '#api/services.ts'
import type { FindingStore } from '#finding/store.ts'
import { pageOfRows } from './page.ts'

/** Findings as the API shows them, newest first. */
export function findingService(store: FindingStore): FindingService {
  return {
    async list(query) {
      const { limit, cursor, state } = query
      const states = state === undefined ? undefined : [state]
      const rows = await store.list({ limit: limit + 1, beforeId: cursor, states })
      return pageOfRows(
        rows.map((row) => ({
          id: row.id,
          rule: row.rule,
          subject: row.subject,
          severity: row.severity,
          state: row.state,
          message: row.message,
          since: row.since,
          until: row.closedAt ?? row.acceptedUntil,
        })),
        limit,
        (row) => row.id,
      )
    },
  }
}
