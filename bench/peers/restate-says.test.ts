import { describe, expect, test } from 'vitest'
import { durabilityOf, walSyncs } from './restate-says.ts'

const config = (local: boolean, logServer: boolean) => `roles = ["worker"]
default-replication = 1

[bifrost.local]
rocksdb-disable-wal-fsync = ${local}

[log-server]
rocksdb-disable-wal-compression = false
rocksdb-disable-wal-fsync = ${logServer}

[networking]
connect-timeout = "3s"
`

describe('the durability of Restate', () => {
  test('is told from the configuration of its log server, not of another part', () => {
    expect(durabilityOf(config(true, false))).toContain('replication 1')
  })

  test('is refused when the log is not synced, or it is not said', () => {
    expect(() => durabilityOf(config(false, true))).toThrow('does not sync')
    expect(() => durabilityOf('')).toThrow('does not sync')
  })
})

describe('the syncs of Restate’s log', () => {
  const metrics = `# TYPE restate_rocksdb_wal_synced_total counter
restate_rocksdb_wal_synced_total{cluster_name="localcluster",node_name="bench",db="replicated-metadata-server"} 80
restate_rocksdb_wal_synced_total{cluster_name="localcluster",node_name="bench",db="log-server"} 9388
restate_rocksdb_wal_file_sync_seconds_count{node_name="bench",db="log-server"} 17
`

  test('are those of its log server', () => {
    expect(walSyncs(metrics)).toBe(9_388)
  })

  test('are refused when the metrics do not tell them', () => {
    expect(() => walSyncs('')).toThrow('do not tell')
    expect(() => walSyncs(metrics.replace('} 9388', '} soon'))).toThrow('do not tell')
  })
})
