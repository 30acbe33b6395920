import type { SchemaChange } from '#platform/postgres/migrate.ts'

/*
 * `runs` holds what lists and terms need; everything else about a run is folded from `run_journal`.
 * `term_until` is on PostgreSQL's clock, so that daemons with different clocks agree. `nr` is the order of creation.
 */
export const engineSchema: SchemaChange[] = [
  {
    name: '060-engine',
    sql: `
      CREATE TABLE runs (
        id text PRIMARY KEY,
        nr bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
        plan json NOT NULL,
        mode text NOT NULL,
        from_site text NOT NULL,
        to_site text NOT NULL,
        plan_digest text NOT NULL,
        requester text NOT NULL,
        reason text NOT NULL,
        systems text[] NOT NULL,
        state text NOT NULL,
        created_at timestamptz NOT NULL,
        ended_at timestamptz,
        last_seq integer NOT NULL,
        nodes integer NOT NULL,
        nodes_done integer NOT NULL,
        term integer NOT NULL,
        holder_daemon text,
        holder_incarnation text,
        term_until timestamptz,
        CHECK ((holder_daemon IS NULL) = (holder_incarnation IS NULL))
      ) WITH (fillfactor = 50);
      CREATE INDEX runs_open ON runs (id) WHERE ended_at IS NULL;

      CREATE TABLE run_journal (
        run_id text NOT NULL,
        seq integer NOT NULL,
        term integer NOT NULL,
        actor text NOT NULL,
        at timestamptz NOT NULL,
        kind text NOT NULL,
        event json NOT NULL,
        PRIMARY KEY (run_id, seq)
      );
      CREATE INDEX run_journal_commands ON run_journal (run_id, seq) WHERE kind = 'command';
      CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON run_journal
        FOR EACH STATEMENT EXECUTE FUNCTION haetae_append_only();

      CREATE TABLE system_locks (
        system text PRIMARY KEY,
        run_id text NOT NULL REFERENCES runs (id),
        since timestamptz NOT NULL
      );
    `,
  },
  {
    name: '061-operations',
    sql: 'ALTER TABLE runs ALTER COLUMN from_site DROP NOT NULL',
  },
  {
    name: '062-fleet',
    sql: `
      ALTER TABLE runs ADD COLUMN parent text REFERENCES runs (id);
      CREATE INDEX runs_of_parent ON runs (parent, nr) WHERE parent IS NOT NULL;
    `,
  },
]
