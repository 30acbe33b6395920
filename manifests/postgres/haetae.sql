-- What Haetae needs in a system's database. The administrator runs it once, as a superuser, in that database, when its
-- roles (roles.sql) and the system's tables are there.
-- haetae acts: it gets no right to the system's own tables, and may end nobody's session but through the functions below.
-- haetae_reader looks: it may change nothing.
-- An empty line parts two statements, and stands nowhere else: the lab feeds this file to `postgres --single -j`.

DO $$ BEGIN
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO haetae, haetae_reader', current_database());
END $$;

CREATE TABLE haetae_authority
  (epoch int PRIMARY KEY, site text NOT NULL, run_id text, at timestamptz NOT NULL DEFAULT now());

GRANT SELECT, INSERT ON haetae_authority TO haetae;

GRANT SELECT ON haetae_authority TO haetae_reader;

GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer) TO haetae;

CREATE SCHEMA haetae;

GRANT USAGE ON SCHEMA haetae TO PUBLIC;

-- The pause of writers: one row. It counts until its time is over by this server's clock, and under the epoch in which
-- it was made: a standby that is promoted under a new one is not paused by what it copied.
CREATE TABLE haetae.pause (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  -- Grows with every change: a late request carries an old one and is refused.
  version int NOT NULL DEFAULT 0,
  -- Who paused: run and node.
  key text,
  epoch int,
  since timestamptz,
  until timestamptz,
  -- After this position no writer wrote; null while older transactions are being ended.
  lsn pg_lsn
);

INSERT INTO haetae.pause DEFAULT VALUES;

GRANT SELECT ON haetae.pause TO haetae, haetae_reader;

-- The pause that stands now, if one does.
CREATE VIEW haetae.standing_pause AS
  SELECT until FROM haetae.pause
  WHERE until > clock_timestamp()
    AND pause.epoch IS NOT DISTINCT FROM (SELECT max(epoch) FROM public.haetae_authority);

-- Until when writers are paused; null when they may write. Anybody may ask.
CREATE FUNCTION haetae.paused_until() RETURNS timestamptz
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT until FROM haetae.standing_pause
$$;

-- Every write comes through here: it asks the view itself, whose plan a session keeps.
CREATE FUNCTION haetae.refuse_while_paused() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE ends timestamptz;
BEGIN
  SELECT until INTO ends FROM haetae.standing_pause;
  IF NOT FOUND THEN RETURN NULL; END IF;
  RAISE read_only_sql_transaction USING
    MESSAGE = format('writers are paused until %s', ends),
    HINT = 'They resume by themselves at that time, or when Haetae resumes them before.';
END
$$;

CREATE FUNCTION haetae.refuse_ddl_while_paused() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE ends timestamptz := haetae.paused_until();
BEGIN
  IF ends IS NULL THEN RETURN; END IF;
  RAISE read_only_sql_transaction USING
    MESSAGE = format('%s: writers are paused until %s', tg_tag, ends);
END
$$;

-- Every table of the system, whoever writes to it and however (COPY, TRUNCATE and replicated changes too).
CREATE FUNCTION haetae.guard_tables() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE one regclass;
BEGIN
  FOR one IN
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'haetae')
      AND c.oid <> 'public.haetae_authority'::regclass
      AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'haetae_pause')
  LOOP
    EXECUTE format('CREATE TRIGGER haetae_pause BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
      FOR EACH STATEMENT EXECUTE FUNCTION haetae.refuse_while_paused()', one);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER haetae_pause', one);
  END LOOP;
END
$$;

CREATE FUNCTION haetae.guard_new_tables() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM haetae.guard_tables();
END
$$;

SELECT haetae.guard_tables();

-- Pauses, for one hour at most; gives the row, or none when it is not as it was seen. The same key again changes nothing.
CREATE FUNCTION haetae.pause_writers(asked text, seconds int, seen int) RETURNS SETOF haetae.pause
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF seconds NOT BETWEEN 1 AND 3600 THEN RAISE 'a pause lasts 1 to 3600 seconds, not %', seconds; END IF;
  UPDATE haetae.pause SET version = version + 1, key = asked, lsn = NULL,
    epoch = (SELECT max(held.epoch) FROM public.haetae_authority held),
    since = clock_timestamp(), until = clock_timestamp() + seconds * interval '1 second'
  WHERE version = seen AND haetae.paused_until() IS NULL;
  RETURN QUERY SELECT * FROM haetae.pause WHERE key = asked AND haetae.paused_until() IS NOT NULL;
END
$$;

-- Ends the sessions whose transaction is older than a moment, while writers are paused and not otherwise.
CREATE FUNCTION haetae.end_transactions(older timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < older
    AND backend_type <> 'autovacuum worker' AND haetae.paused_until() IS NOT NULL
$$;

-- Marks the position after which no writer wrote. The message makes a record of its own: a standby that has replayed it
-- has replayed everything before it.
CREATE FUNCTION haetae.mark_drained(asked text) RETURNS SETOF haetae.pause
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE haetae.pause SET lsn = pg_logical_emit_message(true, 'haetae', 'writers are paused')
  WHERE key = asked AND lsn IS NULL AND haetae.paused_until() IS NOT NULL;
  RETURN QUERY SELECT * FROM haetae.pause WHERE key = asked AND haetae.paused_until() IS NOT NULL;
END
$$;

-- Ends the pause; gives the row, or none when it is not as it was seen, or when this database is primary under another
-- epoch than who asks holds: after a failover, the old one. Where nobody was promoted yet, that is 1.
CREATE FUNCTION haetae.resume_writers(seen int, held int) RETURNS SETOF haetae.pause
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  UPDATE haetae.pause SET version = version + 1, until = least(until, clock_timestamp())
  WHERE version = seen AND held = (SELECT coalesce(max(own.epoch), 1) FROM public.haetae_authority own) RETURNING *
$$;

-- Statements of runbooks that were run here, each in the transaction that ran it. They need rights of their own: grant
-- haetae what your reviewed runbooks need, haetae_reader SELECT on what their looks read, and no more.
CREATE TABLE haetae.claims
  (key text PRIMARY KEY, rows jsonb NOT NULL, at timestamptz NOT NULL DEFAULT now());

GRANT SELECT, INSERT ON haetae.claims TO haetae;

GRANT SELECT ON haetae.claims TO haetae_reader;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA haetae FROM PUBLIC;

GRANT EXECUTE ON FUNCTION haetae.paused_until() TO PUBLIC;

GRANT EXECUTE ON FUNCTION haetae.pause_writers(text, int, int), haetae.end_transactions(timestamptz),
  haetae.mark_drained(text), haetae.resume_writers(int, int) TO haetae;

-- Last, or they would watch over what stands above.
CREATE EVENT TRIGGER haetae_new_tables ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
  EXECUTE FUNCTION haetae.guard_new_tables();

CREATE EVENT TRIGGER haetae_pause ON ddl_command_start EXECUTE FUNCTION haetae.refuse_ddl_while_paused();
