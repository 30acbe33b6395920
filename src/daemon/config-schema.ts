import { join } from 'node:path'
import { z } from 'zod'

/*
 * The daemon's configuration, one schema for the file, the environment and `config show`.
 * A path may be relative: to the file that holds it, or, from the environment, to the working folder.
 * Paths are marked by `meta({ path: true })`, secrets (hidden by `config show`) by `meta({ secret: true })`.
 */

const path = z.string().min(1, 'a path is needed').meta({ path: true })
const site = z.string().regex(/^[a-z][a-z0-9-]{1,30}$/, 'a site is lower case, such as daejeon')
const port = z.coerce.number().int().min(1).max(65535)
const url = (schemes: RegExp, example: string) =>
  z.string().regex(schemes, `an address such as ${example} is needed`)
const withSecret = { secret: true } as const

const peer = z.strictObject({
  site,
  url: url(/^https:\/\//, 'https://10.71.255.1:7443'),
  /** The authority that signed the peer daemon's certificate, and what this daemon shows to it. */
  caFile: path,
  certFile: path,
  keyFile: path,
  /** For observing and fencing in the peer's cluster; without it the peer's cluster cannot be looked at. */
  kubeconfig: path.optional(),
})

/** Web services beside the systems that steps may call (http.call, notify); nothing else is called. */
const service = z.strictObject({
  url: url(/^https?:\/\/[^/?#@\s]+\/?$/, 'https://hooks.gov.test'),
  /** Without it, the system's own authorities. */
  caFile: path.optional(),
  /** What `header` says to this service and to no other, such as `Bearer …`. */
  secretFile: path.optional(),
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, 'a name such as authorization is needed')
    .default('authorization'),
})

/** A role of a database server (manifests/postgres/roles.sql). */
const role = (user: string) => z.strictObject({ user: z.string().min(1).default(user), passwordFile: path })

const keys = z.strictObject({
  /** The same at every site of one installation, and at no rehearsal: people's signatures name it. */
  installation: z
    .string()
    .regex(/^[a-z][a-z0-9-]{1,60}$/, 'a name in lower case is needed, such as production'),
  site,
  /** What this daemon owns: its socket, its PostgreSQL and its Redis. */
  dataDir: path,
  /** estate.yaml, runbooks/, roster.yaml, policies/: read only. */
  catalogueDir: path,
  /** Without it the daemon listens on its Unix socket only. */
  listen: z
    .strictObject({
      host: z.string().min(1),
      port,
      tls: z.strictObject({ cert: path, key: path, ca: path }),
    })
    .optional(),
  /** Without a url the daemon runs a PostgreSQL of its own in dataDir. */
  postgres: z
    .strictObject({
      url: url(/^postgres(ql)?:\/\//, 'postgresql://user@host/haetae')
        .meta(withSecret)
        .optional(),
      binDir: path.optional(),
    })
    .prefault({}),
  /** Without a url the daemon runs a redis-server of its own in dataDir. */
  redis: z
    .strictObject({
      url: url(/^(rediss?|unix):\/\//, 'redis://host:6379')
        .meta(withSecret)
        .optional(),
      binary: path.optional(),
    })
    .prefault({}),
  prometheus: z.strictObject({ url: url(/^https?:\/\//, 'http://127.0.0.1:9090') }).optional(),
  kubernetes: z.strictObject({ kubeconfig: path }).optional(),
  dns: z
    .strictObject({
      server: z.string().min(1),
      port: port.default(53),
      zone: z.string().regex(/\.$/, 'a zone ends with a dot, such as gov.test.'),
      tsigKeyFile: path,
    })
    .optional(),
  /** How this daemon signs in to the systems' databases: as one role to look, as another to act. */
  databases: z
    .strictObject({ caFile: path, reader: role('haetae_reader'), writer: role('haetae') })
    .refine(({ reader, writer }) => reader.user !== writer.user, {
      path: ['reader', 'user'],
      message: 'the writer is the same role: looking must not be able to write',
    })
    .optional(),
  /** How it pulls base backups and WAL; TLS is checked against databases.caFile. */
  replication: z.strictObject({ user: z.string().default('replicator'), passwordFile: path }).optional(),
  /** HAProxy's runtime API at this site: a Unix socket, with manifests/haproxy/haetae.lua loaded. */
  loadBalancer: z.strictObject({ socket: path }).optional(),
  /** The authority behind the systems' web certificates, for real transactions. */
  probe: z.strictObject({ caFile: path }).optional(),
  peers: z.array(peer).default([]),
  services: z.array(service).default([]),
  /** Copies of the other sites' systems; dataDir/backup when absent. */
  backup: z.strictObject({ dir: path.optional() }).prefault({}),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info') })
    .prefault({}),
})

export const configSchema = keys.superRefine(({ site: own, peers, services }, context) => {
  services.forEach(({ url: address }, index) => {
    const before = services.slice(0, index).findIndex((one) => sameOrigin(one.url, address))
    if (before < 0) return
    const message = `services.${before} has the same origin: which secret it is sent would be chance`
    context.addIssue({ code: 'custom', path: ['services', index, 'url'], message })
  })
  peers.forEach((one, index) => {
    const twice = peers.slice(0, index).some((before) => before.site === one.site)
    if (one.site !== own && !twice) return
    const message = twice ? 'it is there twice' : "it is this daemon's own site"
    context.addIssue({ code: 'custom', path: ['peers', index, 'site'], message })
  })
})

function sameOrigin(one: string, other: string): boolean {
  return URL.parse(one)?.origin === URL.parse(other)?.origin
}

export type Config = z.infer<typeof configSchema>
export type PeerConfig = z.infer<typeof peer>

/** Where the daemon's own things are inside its data folder. */
export function layoutOf(config: Pick<Config, 'dataDir' | 'backup'>) {
  return {
    socket: join(config.dataDir, 'haetae.sock'),
    postgres: join(config.dataDir, 'postgres'),
    redis: join(config.dataDir, 'redis'),
    backup: config.backup.dir ?? join(config.dataDir, 'backup'),
  }
}
