import type { SchemaChange } from '#platform/postgres/migrate.ts'

/** Epochs, fences and claims of promotion. An epoch is never changed, removed, or followed by a lower one. */
export const authoritySchema: SchemaChange[] = [
  {
    name: '050-authority',
    sql: `
CREATE TABLE authority_epoch (
  system text NOT NULL,
  epoch integer NOT NULL CHECK (epoch > 0),
  site text NOT NULL,
  run_id text,
  at timestamptz NOT NULL,
  PRIMARY KEY (system, epoch),
  UNIQUE (system, run_id)
);

CREATE FUNCTION authority_epoch_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    RAISE EXCEPTION 'an epoch is never changed or removed';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('authority:' || NEW.system, 0));
  IF EXISTS (SELECT FROM authority_epoch WHERE system = NEW.system AND epoch >= NEW.epoch) THEN
    RAISE EXCEPTION 'epoch % of % is not above the newest', NEW.epoch, NEW.system USING ERRCODE = 'unique_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER authority_epoch_grows BEFORE INSERT OR UPDATE OR DELETE ON authority_epoch
  FOR EACH ROW EXECUTE FUNCTION authority_epoch_grows();

CREATE TABLE fence (
  run_id text NOT NULL,
  system text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('attested', 'active', 'power')),
  site text NOT NULL,
  epoch integer,
  proof jsonb NOT NULL,
  expires_at timestamptz,
  debt text NOT NULL CHECK (debt IN ('none', 'open', 'closed')),
  recorded_at timestamptz NOT NULL,
  closed_at timestamptz,
  closed_by jsonb,
  PRIMARY KEY (run_id, system, kind)
);
CREATE INDEX fence_debt ON fence (system) WHERE debt = 'open';

CREATE TABLE promotion_claim (
  run_id text NOT NULL,
  system text NOT NULL,
  epoch integer NOT NULL,
  timeline integer NOT NULL,
  lsn text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (run_id, system),
  FOREIGN KEY (system, epoch) REFERENCES authority_epoch (system, epoch)
);
`,
  },
]
