import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { addressesOf, otherSite } from '../addresses.ts'
import { placeFolder, SITES, type Instance, type SiteId } from '../instance.ts'
import { clusterPkiIn, createClusterPki } from '../kubernetes-pki.ts'
import { keyPairIn, type KeyPair } from '../pki.ts'

/** What a site's own Prometheus trusts and is, for a cluster: its own or the peer's. */
export interface ClusterReader {
  authority: KeyPair
  prometheus: KeyPair
}

/** Makes the certificates of both clusters, each in its site's folder, and gives each site what it needs of the other. */
export async function createSitePki(instance: Instance, labAuthority: KeyPair): Promise<void> {
  await Promise.all(
    SITES.map(async (site) => {
      const { node, kubernetesService } = addressesOf(site)
      const dir = pkiFolder(instance, site)
      await createClusterPki(dir, { name: site, ips: [node, kubernetesService], node: site })
      await copyFile(labAuthority.cert, join(dir, 'lab.crt'))
    }),
  )
  for (const site of SITES) {
    const peer = clusterPkiIn(pkiFolder(instance, otherSite(site)))
    const { authority, prometheus } = peerReader(instance, site)
    await mkdir(join(authority.cert, '..'), { recursive: true })
    await copyFile(peer.authority.cert, authority.cert)
    await copyFile(peer.prometheus.cert, prometheus.cert)
    await copyFile(peer.prometheus.key, prometheus.key)
  }
}

function pkiFolder(instance: Instance, site: SiteId): string {
  return join(placeFolder(instance, site), 'pki')
}

function peerReader(instance: Instance, site: SiteId): ClusterReader {
  const dir = join(pkiFolder(instance, site), 'peer')
  return { authority: keyPairIn(dir, 'authority'), prometheus: keyPairIn(dir, 'prometheus') }
}

/** The readers of both clusters, as files of the given site. Of the peer's authority only the certificate is there. */
export function clusterReaders(instance: Instance, site: SiteId): Record<SiteId, ClusterReader> {
  const own = clusterPkiIn(pkiFolder(instance, site))
  const readers = {
    own: { authority: own.authority, prometheus: own.prometheus },
    peer: peerReader(instance, site),
  }
  return site === 'daejeon'
    ? { daejeon: readers.own, gwangju: readers.peer }
    : { daejeon: readers.peer, gwangju: readers.own }
}

/** The lab's authority as a file of the given site: the certificate only. */
export function labAuthorityAt(instance: Instance, site: SiteId): KeyPair {
  return keyPairIn(pkiFolder(instance, site), 'lab')
}
