import type { DatabaseState } from './database.ts'
import type { DependencyState } from './dependencies.ts'

/** What `/metrics` tells of a system. */
export interface Measured {
  system: string
  ready: boolean
  /** null for a system that keeps no data. */
  database: DatabaseState | null
  dependencies: Readonly<Record<string, DependencyState>>
  transactions: number
}

/** The Prometheus text of a system; its labels are ids (capital letters and digits), so nothing needs escaping. */
export function metricsText(measured: Measured): string {
  const { system, database } = measured
  const lines = [
    '# HELP system_ready Whether the system serves: its database, if it has one, takes writes and every hard dependency answers.',
    '# TYPE system_ready gauge',
    `system_ready{system="${system}"} ${flag(measured.ready)}`,
    ...(database === null ? [] : databaseLines(system, database)),
    '# HELP system_dependency_up Whether a hard dependency answered its last look-up.',
    '# TYPE system_dependency_up gauge',
    ...Object.entries(measured.dependencies).map(
      ([id, state]) => `system_dependency_up{system="${system}",dependency="${id}"} ${flag(state.ok)}`,
    ),
    '# HELP system_transactions_total Transactions acknowledged since the start of the service.',
    '# TYPE system_transactions_total counter',
    `system_transactions_total{system="${system}"} ${measured.transactions}`,
  ]
  return `${lines.join('\n')}\n`
}

function databaseLines(system: string, { ok, heartbeatAt }: DatabaseState): string[] {
  return [
    '# HELP system_database_up Whether the database answers and takes writes.',
    '# TYPE system_database_up gauge',
    `system_database_up{system="${system}"} ${flag(ok)}`,
    '# HELP system_heartbeat_timestamp_seconds Clock of the service in the last committed heartbeat row.',
    '# TYPE system_heartbeat_timestamp_seconds gauge',
    `system_heartbeat_timestamp_seconds{system="${system}"} ${heartbeatAt / 1000}`,
  ]
}

function flag(value: boolean): number {
  return value ? 1 : 0
}
