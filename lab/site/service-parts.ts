import { existsSync } from 'node:fs'
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { Resolver } from 'node:dns/promises'
import { join } from 'node:path'
import { addressesOf, PORTS } from '../addresses.ts'
import { run } from '../command.ts'
import type { Part } from '../part.ts'
import { httpGet } from '../probe.ts'
import type { SitePaths, SiteSpec } from './spec.ts'

export const ZONE = 'gov.test'
/** Clients ask again after this many seconds, so a switched name is followed soon. */
const TTL = 5

/** BIND as the site's name server: primary of its own copy of the zone, which only the site's key may change. */
export async function nameServer(spec: SiteSpec, paths: SitePaths): Promise<Part> {
  const { nameServer: address } = addressesOf(spec.site)
  await mkdir(paths.named, { recursive: true })
  const config = join(paths.named, 'named.conf')
  // A name server that starts again keeps its key, and the zone as it was last changed.
  if (!existsSync(paths.dnsKey)) await writeZones(spec, paths, config)
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([address])
  return {
    name: 'named',
    argv: ['named', '-g', '-n', '1', '-u', 'bind', '-c', config],
    ready: () => resolver.resolveSoa(ZONE),
    readyWithinMs: 20_000,
  }
}

async function writeZones(spec: SiteSpec, paths: SitePaths, config: string): Promise<void> {
  const { nameServer: address } = addressesOf(spec.site)
  const files = {
    [join(paths.named, 'gov.test.zone')]: zone(ZONE, address, spec.records),
    [join(paths.named, 'cluster.zone')]: zone('cluster.local', address, clusterRecords(spec)),
    [config]: namedConfig(spec, paths, address),
    [paths.dnsKey]: await run(['tsig-keygen', `haetae-${spec.site}`]),
  }
  for (const [file, text] of Object.entries(files)) await writeFile(file, text, { mode: 0o640 })
  await giveTo('bind', [paths.named, ...Object.keys(files)])
}

function namedConfig(spec: SiteSpec, paths: SitePaths, address: string): string {
  return `include "${paths.dnsKey}";
options {
  directory "${paths.named}";
  listen-on { ${address}; };
  listen-on-v6 { none; };
  recursion no;
  notify no;
  allow-transfer { none; };
  dnssec-validation no;
  pid-file none;
  session-keyfile none;
  managed-keys-directory "${paths.named}";
};
controls { };
zone "${ZONE}" {
  type primary;
  file "gov.test.zone";
  allow-update { key "haetae-${spec.site}"; };
};
zone "cluster.local" { type primary; file "cluster.zone"; };
`
}

function zone(name: string, server: string, records: readonly string[]): string {
  const head = [
    `$TTL ${TTL}`,
    `$ORIGIN ${name}.`,
    '@ SOA ns hostmaster 1 3600 600 86400 1',
    '@ NS ns',
    `ns A ${server}`,
  ]
  return [...head, ...records, ''].join('\n')
}

function clusterRecords(spec: SiteSpec): string[] {
  return [`kubernetes.default.svc A ${addressesOf(spec.site).kubernetesService}`]
}

/** Lets a part that gives up root write its files. */
export async function giveTo(user: string, paths: readonly string[]): Promise<void> {
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((entry) => entry.startsWith(`${user}:`))
  const [, , uid, gid] = (line ?? '').split(':')
  if (uid === undefined || gid === undefined)
    throw new Error(`there is no user ${user}: is its Debian package installed?`)
  for (const path of paths) await chown(path, Number(uid), Number(gid))
}

/** Prometheus, with six hours of memory. */
export async function prometheus(spec: SiteSpec, paths: SitePaths): Promise<Part> {
  const { node } = addressesOf(spec.site)
  await mkdir(paths.prometheus, { recursive: true })
  const config = join(paths.prometheus, 'prometheus.yml')
  await writeFile(config, spec.prometheusConfig)
  const listen = `${node}:${PORTS.prometheus}`
  return {
    name: 'prometheus',
    argv: [
      ...['prometheus', `--config.file=${config}`, `--web.listen-address=${listen}`, '--log.level=warn'],
      ...[`--storage.tsdb.path=${join(paths.prometheus, 'data')}`, '--storage.tsdb.retention.time=6h'],
      '--web.enable-lifecycle',
    ],
    ready: () => httpGet(`http://${listen}/-/ready`),
  }
}
