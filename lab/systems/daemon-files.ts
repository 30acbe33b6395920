import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { addressesOf, otherSite, PORTS } from '../addresses.ts'
import { placeFolder, type Instance, type SiteId, installationOf } from '../instance.ts'
import { issue, type KeyPair } from '../pki.ts'
import { sitePaths } from '../site/spec.ts'
import type { SharedPasswordFiles } from './credentials.ts'

/** Where a daemon's files are. */
export interface DaemonPaths {
  /** `dataDir` of the configuration. */
  data: string
  config: string
  catalogue: string
  socket: string
  kubeconfig: string
  peerKubeconfig: string
}

export function daemonPaths(instance: Instance, site: SiteId): DaemonPaths {
  const folder = placeFolder(instance, site)
  const data = join(folder, 'daemon')
  const settings = join(folder, 'daemon-settings')
  return {
    data,
    config: join(settings, 'config.yaml'),
    catalogue: join(folder, 'catalogue'),
    socket: join(data, 'haetae.sock'),
    kubeconfig: join(settings, 'cluster.kubeconfig'),
    peerKubeconfig: join(settings, 'peer.kubeconfig'),
  }
}

export interface DaemonFilesOptions {
  instance: Instance
  site: SiteId
  labAuthority: KeyPair
  passwords: SharedPasswordFiles
  /** TSIG key file of the site's name server, as nsupdate reads it. */
  tsigKeyFile: string
}

/** Writes the configuration of a site's daemon and everything that it names, but for the kubeconfigs. */
export async function writeDaemonFiles(options: DaemonFilesOptions): Promise<DaemonPaths> {
  const { instance, site, labAuthority } = options
  const paths = daemonPaths(instance, site)
  const settings = join(paths.config, '..')
  await mkdir(settings, { recursive: true, mode: 0o700 })
  await mkdir(paths.data, { recursive: true, mode: 0o755 })
  const node = addressesOf(site).node
  const tls = await issue(labAuthority, settings, 'daemon', {
    commonName: `haetae-${site}`,
    dns: ['localhost', `haetae.${site}.gov.test`],
    ips: [node, '127.0.0.1'],
  })
  const ca = join(settings, 'lab-ca.crt')
  await copyFile(labAuthority.cert, ca)
  const passwordFile = async (role: keyof SharedPasswordFiles) => {
    const file = join(settings, `${role}.password`)
    await copyFile(options.passwords[role], file)
    return file
  }
  const peer = otherSite(site)
  const config = {
    installation: installationOf(instance),
    site,
    dataDir: paths.data,
    catalogueDir: paths.catalogue,
    listen: { host: node, port: PORTS.daemon, tls: { cert: tls.cert, key: tls.key, ca } },
    prometheus: { url: `http://${node}:${PORTS.prometheus}` },
    kubernetes: { kubeconfig: paths.kubeconfig },
    dns: {
      server: addressesOf(site).nameServer,
      port: 53,
      zone: 'gov.test.',
      tsigKeyFile: options.tsigKeyFile,
    },
    loadBalancer: { socket: sitePaths(instance, site).loadBalancerSocket },
    databases: {
      caFile: ca,
      reader: { user: 'haetae_reader', passwordFile: await passwordFile('haetae_reader') },
      writer: { user: 'haetae', passwordFile: await passwordFile('haetae') },
    },
    replication: { user: 'replicator', passwordFile: await passwordFile('replicator') },
    probe: { caFile: ca },
    peers: [
      {
        site: peer,
        url: `https://${addressesOf(peer).node}:${PORTS.daemon}`,
        ...{ caFile: ca, certFile: tls.cert, keyFile: tls.key, kubeconfig: paths.peerKubeconfig },
      },
    ],
  }
  await writeFile(paths.config, stringify(config, { lineWidth: 0 }), { mode: 0o600 })
  return paths
}
