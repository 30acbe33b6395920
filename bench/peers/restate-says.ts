/** What Restate's configuration (TOML, as `--dump-config` prints it) says of durability. Throws when it is none. */
export function durabilityOf(config: string): string {
  const [top = '', ...sections] = config.split(/^(?=\[)/m)
  const logServer = sections.find((section) => section.startsWith('[log-server]')) ?? ''
  const setting = (text: string, name: string) => new RegExp(`^${name} = (.*)$`, 'm').exec(text)?.[1]
  const noSync = setting(logServer, 'rocksdb-disable-wal-fsync')
  const replication = setting(top, 'default-replication')
  if (noSync !== 'false')
    throw new Error(`this Restate does not sync its log: rocksdb-disable-wal-fsync is ${noSync}`)
  return `one node, replication ${replication}: a step’s outcome is kept when the log server has synced its RocksDB log (rocksdb-disable-wal-fsync ${noSync})`
}

/** Of Restate's metrics: how often its log server has synced the log on the disk. Throws when they do not tell. */
export function walSyncs(metrics: string): number {
  const line = metrics
    .split('\n')
    .find((each) => each.startsWith('restate_rocksdb_wal_synced_total{') && each.includes('db="log-server"'))
  const count = Number(line?.split(' ').at(-1))
  if (!Number.isFinite(count)) throw new Error('Restate’s metrics do not tell how often its log was synced')
  return count
}
