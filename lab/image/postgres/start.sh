#!/bin/sh
# Starts a system's database. The first start on an empty volume makes the cluster: as the primary (BIRTH=primary)
# by initdb, as the standby (BIRTH=standby) by a base backup of PRIMARY_HOST. Every later start resumes what the
# volume holds, whatever it became: a standby that was promoted stays a primary.
# SITE names this server to its primary; PEER_SITE is the standby's; SYNCHRONOUS=yes makes commits wait for it.
set -eu
data=/data/postgres
settings='-c config_file=/etc/haetae-lab/postgresql.conf -c hba_file=/etc/haetae-lab/pg_hba.conf'
umask 077

secret() { cat "/secrets/$1"; }

make_primary() {
  rm -rf "$data"
  initdb -D "$data" -U postgres -E UTF8 --locale=C --wal-segsize=4 --data-checksums --no-sync --no-instructions \
    --auth=reject >/dev/null
  if [ "${SYNCHRONOUS:-no}" = yes ]; then
    echo "synchronous_standby_names = 'FIRST 1 (\"$PEER_SITE\")'" >>"$data/postgresql.auto.conf"
  fi
  single="postgres --single -j -D $data $settings -c synchronous_standby_names="
  $single postgres >/dev/null <<SQL
CREATE ROLE app LOGIN PASSWORD '$(secret app)';

CREATE ROLE replicator LOGIN REPLICATION PASSWORD '$(secret replicator)';

CREATE DATABASE app;

REVOKE CONNECT ON DATABASE app FROM PUBLIC;

GRANT CONNECT ON DATABASE app TO app;
SQL
  $single postgres >/dev/null </etc/haetae-lab/roles.sql
  for role in haetae haetae_reader; do
    echo "ALTER ROLE $role PASSWORD '$(secret $role)';" | $single postgres >/dev/null
  done
  $single app >/dev/null <<SQL
CREATE TABLE transactions (id text PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now(), payload jsonb);

CREATE TABLE heartbeat (source text PRIMARY KEY, at timestamptz NOT NULL);

GRANT SELECT, INSERT ON transactions TO app;

GRANT SELECT, INSERT, UPDATE ON heartbeat TO app;

GRANT SELECT ON heartbeat TO haetae, haetae_reader;
SQL
  $single app >/dev/null </etc/haetae-lab/haetae.sql
  # The lab's report asks as the web service does.
  echo 'GRANT SELECT ON haetae_authority TO app;' | $single app >/dev/null
}

make_standby() {
  printf '*:*:*:replicator:%s\n' "$(secret replicator)" >/data/pgpass
  chmod 600 /data/pgpass
  slot="standby_$SITE"
  from="host=$PRIMARY_HOST port=5432 user=replicator passfile=/data/pgpass application_name=$SITE"
  from="$from sslmode=verify-full sslrootcert=/tls/ca.crt connect_timeout=2"
  while :; do
    rm -rf "$data"
    if pg_isready -q -h "$PRIMARY_HOST" -U app -d app -t 2; then
      # The slot is there already when an earlier try got so far.
      if pg_basebackup -d "$from" -D "$data" -X stream -c fast -R -C -S "$slot" --no-sync 2>/tmp/why; then break; fi
      rm -rf "$data"
      if pg_basebackup -d "$from" -D "$data" -X stream -c fast -R -S "$slot" --no-sync; then break; fi
    fi
    sleep 1
  done
  # What the primary waits for must not follow its copy: once promoted, this server has no standby.
  sed -i '/^synchronous_standby_names/d' "$data/postgresql.auto.conf"
}

if [ ! -e /data/made ]; then
  "make_$BIRTH"
  touch /data/made
fi
rm -f "$data/postmaster.pid"
exec postgres -D "$data" $settings -c "cluster_name=$SITE"
