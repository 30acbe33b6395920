import type { SchemaChange } from '#platform/postgres/migrate.ts'

/** Due times as rows: whatever dispatches the work (BullMQ) can be emptied or restarted, the slot is the truth. */
export const scheduleSchema: SchemaChange[] = [
  {
    name: '030-schedule',
    sql: `
CREATE TABLE due_slot (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  policy text NOT NULL,
  subject text NOT NULL,
  due_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('due', 'claimed', 'done', 'missed', 'canceled')),
  asked_by text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  not_before timestamptz NOT NULL,
  claimed_by text,
  claimed_until timestamptz,
  outcome text,
  ended_at timestamptz,
  why text,
  UNIQUE (policy, subject, due_at),
  CHECK ((state = 'claimed') = (claimed_by IS NOT NULL))
);
CREATE INDEX due_slot_open ON due_slot (not_before) WHERE state IN ('due', 'claimed');
CREATE INDEX due_slot_subject ON due_slot (subject, due_at DESC);
-- Never two at once on one subject, whichever policy asked.
CREATE UNIQUE INDEX due_slot_one_at_a_time ON due_slot (subject) WHERE state = 'claimed';
`,
  },
]
