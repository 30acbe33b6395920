import type { BackupService } from '#api/services.ts'
import type { BackupLog } from '#backup/log.ts'
import type { Catalogue } from '../catalogue.ts'
import { unknownSystem } from './estate.ts'
import { pageOfRows } from './page.ts'

/** Copies and the backup log as the API shows them, newest first. */
export function backupService(log: BackupLog, catalogue: Catalogue): BackupService {
  const refuseUnknown = (system: string | undefined): void => {
    if (system !== undefined && !catalogue.systems.has(system)) throw unknownSystem(system, catalogue)
  }
  return {
    async copies({ system, site, limit, cursor }) {
      refuseUnknown(system)
      const rows = await log.copies({ system, site, beforeId: cursor, limit: limit + 1 })
      const page = pageOfRows(rows, limit, (row) => row.id)
      return { ...page, items: page.items.map(({ folder: _folder, ...copy }) => copy) }
    },
    async log({ system, site, outcome, from, to, limit, cursor }) {
      refuseUnknown(system)
      const rows = await log.attempts({ system, site, outcome, from, to, beforeId: cursor, limit: limit + 1 })
      const page = pageOfRows(rows, limit, (row) => row.id)
      return { ...page, items: page.items.map(({ slotId: _slotId, ...entry }) => entry) }
    },
  }
}
