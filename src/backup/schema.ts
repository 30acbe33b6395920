import type { SchemaChange } from '#platform/postgres/migrate.ts'

/** The backup log (attempts and every transition of theirs), and the copies that came of them. */
export const backupSchema: SchemaChange[] = [
  {
    name: '070-backup',
    sql: `
CREATE TABLE backup_attempt (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  slot_id bigint REFERENCES due_slot (id),
  system text NOT NULL,
  tool text NOT NULL,
  due_at timestamptz,
  asked_by text NOT NULL,
  source_site text NOT NULL,
  target_site text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('running', 'succeeded', 'partial', 'failed', 'missed', 'canceled')),
  started_at timestamptz,
  ended_at timestamptz,
  bytes bigint,
  digest text,
  recovery_point timestamptz,
  position text,
  verified boolean NOT NULL DEFAULT false,
  message jsonb,
  excluded jsonb NOT NULL DEFAULT '[]'
);
CREATE INDEX backup_attempt_system ON backup_attempt (system, id DESC);
CREATE INDEX backup_attempt_running ON backup_attempt (id) WHERE outcome = 'running';

CREATE TABLE backup_transition (
  attempt_id bigint NOT NULL REFERENCES backup_attempt (id),
  seq bigint GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL,
  outcome text NOT NULL,
  detail jsonb NOT NULL,
  PRIMARY KEY (attempt_id, seq)
);

CREATE TABLE backup_copy (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  attempt_id bigint REFERENCES backup_attempt (id),
  system text NOT NULL,
  tool text NOT NULL,
  site text NOT NULL,
  source_site text NOT NULL,
  folder text NOT NULL UNIQUE,
  recovery_point timestamptz,
  position text,
  bytes bigint,
  digest text,
  verified_at timestamptz,
  restored_at timestamptz,
  removed_at timestamptz
);
CREATE INDEX backup_copy_system ON backup_copy (system, id DESC) WHERE removed_at IS NULL;
`,
  },
]
