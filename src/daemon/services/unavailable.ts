import type {
  ApprovalService,
  BackupService,
  EstateService,
  FailoverService,
  RunService,
} from '#api/services.ts'
import { HaetaeError } from '#model/errors.ts'

/** Stands where a room is not wired yet: says so instead of pretending an empty answer. */
function notWired(what: string): () => Promise<never> {
  return async () => {
    throw new HaetaeError('defect', `${what} is not part of this build yet`)
  }
}

export const withoutRunbooks: Pick<EstateService, 'runbooks' | 'runbook'> = {
  runbooks: notWired('the runbook list'),
  runbook: notWired('the runbook view'),
}
export const withoutFailover: FailoverService = {
  plan: notWired('planning'),
  declare: notWired('declaring'),
}
export const withoutRuns: RunService = {
  list: notWired('the list of runs'),
  show: notWired('runs'),
  plan: notWired('runs'),
  journal: notWired('runs'),
  changed: notWired('runs'),
  cancel: notWired('runs'),
  decide: notWired('runs'),
}
export const withoutApprovals: ApprovalService = {
  list: notWired('approvals'),
  submit: notWired('approvals'),
}
export const withoutBackups: BackupService = {
  copies: notWired('backups'),
  log: notWired('the backup log'),
}
