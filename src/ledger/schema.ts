import type { SchemaChange } from '#platform/postgres/migrate.ts'

/*
 * `ledger_entry` is written by whoever records something, in the transaction that does it. `ledger_sequence` gives the
 * entries one order without a gap; one sequencer writes it, so that writers do not wait for each other. Between the two
 * an entry stands in `ledger_pending`. A Merkle tree comes over `ledger_sequence` later; `entry` keeps the exact bytes
 * that will be hashed.
 */
export const ledgerSchema: SchemaChange[] = [
  {
    name: '010-ledger',
    sql: `
      CREATE FUNCTION haetae_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'table % is append-only: % is refused', TG_TABLE_NAME, TG_OP
          USING ERRCODE = 'restrict_violation';
      END $$;

      CREATE TABLE ledger_entry (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL,
        subject text NOT NULL,
        entry text NOT NULL
      );
      CREATE INDEX ledger_entry_subject ON ledger_entry (subject);

      CREATE TABLE ledger_pending (entry_id bigint PRIMARY KEY);

      CREATE TABLE ledger_sequence (
        seq bigint PRIMARY KEY,
        entry_id bigint NOT NULL UNIQUE REFERENCES ledger_entry (id)
      );

      CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
        FOR EACH STATEMENT EXECUTE FUNCTION haetae_append_only();
      CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_sequence
        FOR EACH STATEMENT EXECUTE FUNCTION haetae_append_only();
    `,
  },
]
