import { join } from 'node:path'
import type { LabName } from '#estate/generate-lab.ts'
import { loadEstate } from '#estate/load.ts'
import { buildLabImages, type LabImages } from '../image/images.ts'
import { addressesOf, PORTS } from '../addresses.ts'
import { CHECKOUT, placeFolder, SITES, type Instance, type SiteId, installationOf } from '../instance.ts'
import type { KeyPair } from '../pki.ts'
import { accessObjects, ownAccount, peerAccount } from './access.ts'
import { applyObjects, writeAccountKubeconfig, type Kubectl } from './apply.ts'
import { estateFiles, writeCatalogue } from './catalogue.ts'
import { createCredentials, type SystemCredentials } from './credentials.ts'
import { daemonPaths, writeDaemonFiles } from './daemon-files.ts'
import { labSystems, type LabSystem } from './lab-system.ts'
import { systemObjects } from './objects.ts'
import { createPeople, writeContext } from './people.ts'
import { createVolumes } from './volumes.ts'

/** What runs in the lab, prepared before any cluster is up. */
export interface PreparedSystems {
  systems: LabSystem[]
  images: LabImages
  credentials: Map<string, SystemCredentials>
  /** Private key file of everyone who plays in the lab. */
  keys: Record<string, string>
}

export interface PrepareOptions {
  instance: Instance
  /** The lab's own authority: web services, databases and daemons are known by it. */
  labAuthority: KeyPair
  /** TSIG key file of each site's name server. */
  tsigKeyFiles: Record<SiteId, string>
  /** Which of the estate's systems run. */
  lab: LabName
}

/**
 * Everything that needs no cluster: images, passwords, certificates, people, volumes, and the folders of the two
 * daemons. About two seconds.
 */
export async function prepareSystems(options: PrepareOptions): Promise<PreparedSystems> {
  const { instance, labAuthority } = options
  const systems = labSystems(await loadEstate(estateFiles(CHECKOUT, options.lab)))
  const [images, credentials, people] = await Promise.all([
    buildLabImages(),
    createCredentials(instance, labAuthority, systems),
    createPeople(instance.people),
  ])
  for (const site of SITES) {
    await createVolumes(volumesFolder(instance, site), systems)
    const tsigKeyFile = options.tsigKeyFiles[site]
    const passwords = credentials.shared
    const { catalogue } = await writeDaemonFiles({ instance, site, labAuthority, passwords, tsigKeyFile })
    await writeCatalogue(catalogue, CHECKOUT, options.lab, people.roster)
  }
  return { systems, images, credentials: credentials.systems, keys: people.keys }
}

/** Makes the accounts and all systems in a site's cluster. Returns when they are stored, not when they run. */
export async function installSystems(
  instance: Instance,
  site: SiteId,
  prepared: PreparedSystems,
  kubectl: Kubectl,
): Promise<void> {
  const place = {
    site,
    nameServer: addressesOf(site).nameServer,
    volumes: volumesFolder(instance, site),
    images: prepared.images,
  }
  const objects = prepared.systems.flatMap((system) => {
    const credentials = prepared.credentials.get(system.id)
    return credentials === undefined ? [] : systemObjects(system, place, credentials)
  })
  await applyObjects(kubectl, [...accessObjects(prepared.systems), ...objects])
}

/** Gives the daemon of `site` its access to the cluster of `clusterSite`: its own, or the peer's to look at. */
export async function giveAccess(
  instance: Instance,
  site: SiteId,
  clusterSite: SiteId,
  kubectl: Kubectl,
  clusterCaFile: string,
): Promise<void> {
  const paths = daemonPaths(instance, site)
  const own = site === clusterSite
  const server = { url: `https://${addressesOf(clusterSite).node}:${PORTS.api}`, caFile: clusterCaFile }
  const file = own ? paths.kubeconfig : paths.peerKubeconfig
  await writeAccountKubeconfig(kubectl, own ? ownAccount : peerAccount, server, file)
}

/** Lets the command line of this checkout find the lab. */
export async function writeLabContext(
  instance: Instance,
  prepared: PreparedSystems,
  labAuthority: KeyPair,
): Promise<void> {
  const site = (id: SiteId) => ({
    socket: daemonPaths(instance, id).socket,
    url: `https://${addressesOf(id).node}:${PORTS.daemon}`,
    caFile: labAuthority.cert,
  })
  await writeContext(instance, CHECKOUT, {
    installation: installationOf(instance),
    defaultSite: 'gwangju',
    sites: { daejeon: site('daejeon'), gwangju: site('gwangju') },
    principal: 'operator-1',
    keys: prepared.keys,
  })
}

function volumesFolder(instance: Instance, site: SiteId): string {
  return join(placeFolder(instance, site), 'volumes')
}
