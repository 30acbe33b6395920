import type { OpenFinding } from '#api/schema/common.ts'
import type { FindingService } from '#api/services.ts'
import type { FindingStore } from '#finding/store.ts'
import { readerRule } from '../reader-rights.ts'
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

/** Rules on which people still owe something: they are shown beside everything that they are about. */
const owed = ['break-glass', readerRule]

/** Looks up what is owed about a run, a system or a site: by the subject, or where the facts name it. */
export async function openFindings(store: FindingStore): Promise<(about: string) => OpenFinding[]> {
  const lists = await Promise.all(
    owed.map((rule) => store.list({ rule, states: ['open', 'accepted'], limit: 1_000 })),
  )
  const about = new Map<string, OpenFinding[]>()
  for (const { rule, subject, severity, message, since, facts } of lists.flat()) {
    const { site, systems } = facts
    const names = [subject, site, ...(Array.isArray(systems) ? (systems as unknown[]) : [])]
    for (const name of new Set(names)) {
      if (typeof name !== 'string') continue
      about.set(name, [...(about.get(name) ?? []), { rule, subject, severity, message, since }])
    }
  }
  return (name) => about.get(name) ?? []
}
