import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadEstate } from '#estate/load.ts'
import { addressesOf } from '../../lab/addresses.ts'
import { startControlPlane, type ControlPlane } from '../../lab/control-plane.ts'
import { CHECKOUT } from '../../lab/instance.ts'
import { accessObjects } from '../../lab/systems/access.ts'
import { applyObjects } from '../../lab/systems/apply.ts'
import { estateFiles } from '../../lab/systems/catalogue.ts'
import { labSystems, type LabSystem } from '../../lab/systems/lab-system.ts'
import { systemObjects } from '../../lab/systems/objects.ts'

/*
 * The lab's objects in a real API server: it accepts all of them, and the daemons' accounts may do what their work
 * needs and nothing else.
 */
const image = { ref: 'none', archive: '', bytes: 0 }
const place = {
  ...{ site: 'daejeon', nameServer: '10.71.255.53', volumes: '/nowhere' },
  images: { pause: image, postgres: image, web: image },
}
const credentials = {
  passwords: { app: 'a', replicator: 'b', haetae: 'c', haetae_reader: 'd' },
  tls: { ca: 'ca', cert: 'cert', key: 'key' },
}

describe("the lab's objects in a cluster", () => {
  let dir: string
  let plane: ControlPlane
  let systems: LabSystem[]

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'haetae-kube-'))
    plane = await startControlPlane({ dir, serviceCidr: addressesOf('daejeon').services })
    systems = labSystems(await loadEstate(estateFiles(CHECKOUT)))
    const objects = systems.flatMap((system) => systemObjects(system, place, credentials))
    await applyObjects(plane.kubectl, [...accessObjects(systems), ...objects])
  })
  afterAll(async () => {
    await plane.stop()
    await rm(dir, { recursive: true, force: true })
  })

  /** `what`: a resource, `RESOURCE/NAME`, and `:SUBRESOURCE` behind either. */
  const may = async (account: string, verb: string, what: string, namespace: string) => {
    const [resource = '', subresource] = what.split(':')
    const who = `--as=system:serviceaccount:haetae:${account}`
    const part = subresource === undefined ? [] : [`--subresource=${subresource}`]
    // A no is exit code 1.
    return plane
      .kubectl(['auth', 'can-i', verb, resource, '-n', namespace, who, '-q', ...part])
      .then(() => true)
      .catch(() => false)
  }

  test('every system has its web service and its database at the fixed addresses', async () => {
    const listed = await plane.kubectl(['get', 'services', '-A', '-o', 'json'])
    const { items } = JSON.parse(listed) as { items: { spec: { clusterIP: string } }[] }
    const addresses = items.map(({ spec }) => spec.clusterIP)
    for (const system of systems) {
      expect(addresses).toContain(system.webAddresses['daejeon'])
      expect(addresses).toContain(system.database?.addresses['daejeon'])
    }
  })

  test('a web service runs at the home site only', async () => {
    const listed = await plane.kubectl(['get', 'deployments', '-A', '-o', 'json'])
    const { items } = JSON.parse(listed) as {
      items: { metadata: { name: string; namespace: string }; spec: { replicas: number } }[]
    }
    const replicas = new Map(
      items
        .filter(({ metadata }) => metadata.name === 'web')
        .map(({ metadata, spec }) => [metadata.namespace, spec.replicas]),
    )
    for (const { namespace, home } of systems)
      expect(replicas.get(namespace)).toBe(home === 'daejeon' ? 1 : 0)
  })

  test.each([
    ['get', 'deployments.apps', 'gpk', true],
    ['list', 'pods', 'gpk', true],
    ['update', 'deployments.apps/web:scale', 'gpk', true],
    ['update', 'deployments.apps/db:scale', 'gpk', true],
    ['update', 'deployments.apps/other:scale', 'gpk', false],
    ['delete', 'pods/any', 'gpk', false],
    ['update', 'deployments.apps/web', 'gpk', false],
    ['delete', 'deployments.apps/web', 'gpk', false],
    ['patch', 'deployments.apps/web', 'gpk', false],
    ['patch', 'cronjobs.batch/any', 'gpk', true],
    ['create', 'cronjobs.batch', 'gpk', false],
    ['delete', 'cronjobs.batch/any', 'gpk', false],
    ['create', 'jobs.batch', 'gpk', true],
    ['patch', 'jobs.batch/any', 'gpk', true],
    ['delete', 'jobs.batch/any', 'gpk', false],
    ['patch', 'configmaps/runbook', 'gpk', true],
    ['delete', 'configmaps/runbook', 'gpk', true],
    ['patch', 'configmaps/other', 'gpk', false],
    ['delete', 'configmaps/other', 'gpk', false],
    ['get', 'configmaps/other', 'gpk', false],
    ['get', 'secrets', 'gpk', false],
    ['create', 'jobs.batch', 'haetae', false],
    ['create', 'pods', 'gpk', false],
    ['create', 'pods:exec', 'gpk', false],
    ['create', 'configmaps', 'haetae', true],
    ['update', 'configmaps/authority', 'haetae', true],
    ['create', 'configmaps', 'gpk', false],
    ['create', 'serviceaccounts:token', 'haetae', false],
    ['create', 'rolebindings', 'haetae', false],
  ])("the site's own daemon: %s %s in %s: %s", async (verb, what, namespace, allowed) => {
    expect(await may('haetae', verb, what, namespace)).toBe(allowed)
  })

  test.each([
    ['list', 'pods', 'gpk', true],
    ['get', 'configmaps/authority', 'haetae', true],
    ['update', 'deployments.apps/web:scale', 'gpk', false],
    ['update', 'configmaps/authority', 'haetae', false],
    ['patch', 'configmaps/runbook', 'gpk', false],
    ['patch', 'cronjobs.batch/any', 'gpk', false],
    ['create', 'jobs.batch', 'gpk', false],
    ['get', 'secrets', 'gpk', false],
  ])("the other site's daemon only looks: %s %s in %s: %s", async (verb, what, namespace, allowed) => {
    expect(await may('haetae-peer', verb, what, namespace)).toBe(allowed)
  })
})
