import { apiSchema } from '#api/idempotency.ts'
import { approvalSchema } from '#approval/store.ts'
import { authoritySchema } from '#authority/schema.ts'
import { backupSchema } from '#backup/schema.ts'
import { engineSchema } from '#engine/journal/schema.ts'
import { findingSchema } from '#finding/schema.ts'
import { ledgerSchema } from '#ledger/schema.ts'
import type { SchemaChange } from '#platform/postgres/migrate.ts'
import { scheduleSchema } from '#schedule/schema.ts'

/** Every schema change of the product, in the order of their names. */
export const schema: readonly SchemaChange[] = [
  ...ledgerSchema,
  ...findingSchema,
  ...scheduleSchema,
  ...approvalSchema,
  ...authoritySchema,
  ...engineSchema,
  ...backupSchema,
  ...apiSchema,
].toSorted((a, b) => (a.name < b.name ? -1 : 1))
