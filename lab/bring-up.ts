import { mkdir } from 'node:fs/promises'
import { addressesOf } from './addresses.ts'
import type { LabContents } from './contents.ts'
import { startCitizens } from './citizens/start.ts'
import { daemonServes, startDaemon } from './daemon.ts'
import { buildLabImages } from './image/images.ts'
import { PLACES, SITES, type Instance, type SiteId } from './instance.ts'
import { kubernetesBinary } from './kubernetes-binary.ts'
import { clusterPkiIn } from './kubernetes-pki.ts'
import { countPackets } from './link.ts'
import { createNetworks, proveOnlyRoute } from './network.ts'
import { createAuthority, type KeyPair } from './pki.ts'
import { createPlace } from './place.ts'
import { siteKubectl, startSite } from './site/control.ts'
import { clusterReaders, createSitePki, labAuthorityAt } from './site/prepare.ts'
import { sitePaths, writeSiteSpec } from './site/spec.ts'
import { raiseSysctls } from './sysctl.ts'
import { daemonPaths } from './systems/daemon-files.ts'
import { giveAccess, installSystems, prepareSystems, writeLabContext } from './systems/prepare.ts'
import type { PreparedSystems } from './systems/prepare.ts'
import { prometheusConfig } from './systems/prometheus.ts'
import { balancedSystems } from './systems/balanced.ts'
import { zoneRecords } from './systems/zone.ts'

/**
 * Builds a lab on ground that is clean, and returns when all of it serves. The caller holds the instance, and
 * cleans when this throws.
 *
 * @throws HaetaeError `lab-part-failed` or `lab-command-failed`, which name the part and its last words.
 */
export async function bringUp(
  instance: Instance,
  contents: LabContents,
  progress: (label: string) => void,
): Promise<void> {
  const binary = await kubernetesBinary()
  await mkdir(instance.root, { recursive: true, mode: 0o755 })
  await raiseSysctls(instance)
  const labAuthority = await createAuthority(instance.pki, 'lab')
  const [prepared] = await Promise.all([
    contents.systems ? prepare(instance, labAuthority, contents.estate, progress) : undefined,
    createSitePki(instance, labAuthority).then(() => progress('certificates')),
    createPlaces(instance, binary).then(() => progress('namespaces and the link')),
  ])
  await writeSpecs(instance, binary, prepared)
  await Promise.all(SITES.map((site) => oneSite(instance, site, prepared, progress)))
  if (prepared === undefined) return
  await Promise.all([
    ...SITES.map((site) => giveDaemonAccess(instance, site)),
    writeLabContext(instance, prepared, labAuthority),
    ...SITES.map((site) => systemsServe(instance, site, progress)),
  ])
  if (contents.daemons) {
    for (const site of SITES)
      await startDaemon(instance, site, { config: daemonPaths(instance, site).config })
    await Promise.all(SITES.map((site) => daemonServes(instance, site)))
    progress('daemons')
  }
  if (contents.citizens) {
    await startCitizens(instance, prepared.systems, labAuthority)
    progress('citizens')
  }
}

async function prepare(
  instance: Instance,
  labAuthority: KeyPair,
  lab: LabContents['estate'],
  progress: (label: string) => void,
): Promise<PreparedSystems> {
  const tsigKeyFiles = {
    daejeon: sitePaths(instance, 'daejeon').dnsKey,
    gwangju: sitePaths(instance, 'gwangju').dnsKey,
  }
  const prepared = await prepareSystems({ instance, labAuthority, tsigKeyFiles, lab })
  progress('images, people and settings')
  return prepared
}

async function createPlaces(instance: Instance, binary: string): Promise<void> {
  await createNetworks(instance)
  await proveOnlyRoute(instance)
  await countPackets(instance)
  const servers = SITES.map((site) => addressesOf(site).nameServer)
  await Promise.all(
    PLACES.map((place) => {
      // A site asks its own name server only; citizens know both.
      const own = place === 'citizens' ? servers : [addressesOf(place).nameServer]
      return createPlace(instance, place, binary, own)
    }),
  )
}

async function writeSpecs(
  instance: Instance,
  binary: string,
  prepared: PreparedSystems | undefined,
): Promise<void> {
  const images = prepared?.images ?? (await buildLabImages())
  const systems = prepared?.systems ?? []
  // Without systems no pod needs more than the pause image.
  const archives = prepared === undefined ? [images.pause] : [images.pause, images.postgres, images.web]
  for (const site of SITES) {
    await writeSiteSpec({
      ...{ instance: instance.name, site, binary, pauseImage: images.pause.ref },
      archives: archives.map(({ archive }) => archive),
      prometheusConfig: prometheusConfig({
        systems,
        labAuthority: labAuthorityAt(instance, site),
        clusters: clusterReaders(instance, site),
      }),
      records: zoneRecords(systems),
      balanced: balancedSystems(systems),
    })
  }
}

async function oneSite(
  instance: Instance,
  site: SiteId,
  prepared: PreparedSystems | undefined,
  progress: (label: string) => void,
): Promise<void> {
  await startSite(instance, site, (part) => progress(`${site}: ${part}`))
  if (prepared === undefined) return
  await installSystems(instance, site, prepared, await siteKubectl(instance, site))
  progress(`${site}: systems stored`)
}

/** Full rights at home, a look at the peer's: as the accounts of each cluster say. */
async function giveDaemonAccess(instance: Instance, site: SiteId): Promise<void> {
  for (const cluster of SITES) {
    const ca = clusterPkiIn(sitePaths(instance, cluster).pki).authority.cert
    await giveAccess(instance, site, cluster, await siteKubectl(instance, cluster), ca)
  }
}

async function systemsServe(
  instance: Instance,
  site: SiteId,
  progress: (label: string) => void,
): Promise<void> {
  const kubectl = await siteKubectl(instance, site)
  await kubectl(['wait', '--for=condition=Available', 'deployment', '--all', '-A', '--timeout=180s'])
  progress(`${site}: systems serve`)
}
