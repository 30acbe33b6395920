import type { SchemaChange } from '#platform/postgres/migrate.ts'

/** Rules broken by subjects: one row from the moment it was seen to the moment it was no more. */
export const findingSchema: SchemaChange[] = [
  {
    name: '020-finding',
    sql: `
CREATE TABLE finding (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule text NOT NULL,
  subject text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  state text NOT NULL CHECK (state IN ('open', 'accepted', 'closed')),
  message jsonb NOT NULL,
  facts jsonb NOT NULL DEFAULT '{}',
  since timestamptz NOT NULL,
  accepted_until timestamptz,
  accepted_by text,
  closed_at timestamptz,
  CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
  CHECK (state <> 'accepted' OR accepted_until IS NOT NULL)
);
CREATE UNIQUE INDEX finding_current ON finding (rule, subject) WHERE state <> 'closed';
CREATE INDEX finding_since ON finding (since DESC, id DESC);
`,
  },
]
