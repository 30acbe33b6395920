import type { Localized } from '#model/localized.ts'
import type { Instance, SiteId } from '../instance.ts'
import type { LabSystem } from '../systems/lab-system.ts'
import type { BackupLine, HaetaeView } from './haetae-view.ts'
import type { Narrator } from './narrator.ts'
import type { DrillOptions } from './options.ts'
import type { RecordTail } from './record-tail.ts'

/** Everything that the acts of a drill share. */
export interface Scene {
  readonly instance: Instance
  readonly options: DrillOptions
  readonly narrator: Narrator
  readonly systems: readonly LabSystem[]
  readonly siteNames: Record<string, Localized>
  readonly haetae: HaetaeView
  readonly record: RecordTail
  readonly contextFile: string
  /** The site that is lost, and the one that recovers. */
  readonly from: SiteId
  readonly to: SiteId
  readonly signal: AbortSignal
  /** Where the report's folder is made. */
  readonly reports: string
  /** The backup logs of both sites before the loss: one of them goes with its site. */
  backups: BackupLine[]
}
