-- The two roles that Haetae signs in with. The administrator of a database server runs it once, as a superuser on the
-- primary (standbys copy it), and before haetae.sql. Then each role gets a password of its own:
--   \password haetae
--   \password haetae_reader
-- An empty line parts two statements, and stands nowhere else: the lab feeds this file to `postgres --single -j`.

-- Acts: what it may do in a system's database is in haetae.sql.
CREATE ROLE haetae LOGIN;

-- Looks, for planning and watching. It owns nothing, may change nothing, and is a member of nothing but this:
CREATE ROLE haetae_reader LOGIN;

-- How far replication is, and since when transactions are open.
GRANT pg_read_all_stats TO haetae, haetae_reader;
