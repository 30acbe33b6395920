import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { HaetaeError } from '#model/errors.ts'

/** The checkout that this file belongs to. */
export const CHECKOUT = dirname(import.meta.dirname)

/** PostgreSQL refuses root, and home folders are closed to other users: so lab data lives here. */
export const LABS_ROOT = '/var/lib/haetae'

export type SiteId = 'daejeon' | 'gwangju'
export const SITES: readonly SiteId[] = ['daejeon', 'gwangju']

/** A place is a set of namespaces that things run in: the two sites and the citizens. */
export type PlaceId = SiteId | 'citizens'
export const PLACES: readonly PlaceId[] = ['daejeon', 'gwangju', 'citizens']

/** One lab. Labs with different names share nothing and can run side by side. */
export interface Instance {
  name: string
  /** Everything the lab writes is below this folder. */
  root: string
  /** Key pairs that do not belong to one site. */
  pki: string
  /** Private keys of the lab's people. */
  people: string
  /** Handles of the network namespaces. */
  netns: string
  /** Log of the process that holds the lab. */
  log: string
  /** Path below each cgroup hierarchy. */
  cgroup: string
  /** What `hold()` is called with. */
  lock: string
}

/**
 * The lab that HAETAE_LAB_INSTANCE names, or the one of this checkout.
 *
 * @throws HaetaeError `input-invalid` for a name that cannot be a folder and a cgroup.
 */
export function instanceOf(name: string = process.env['HAETAE_LAB_INSTANCE'] ?? defaultName()): Instance {
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) {
    throw new HaetaeError('input-invalid', `the lab's instance name "${name}"`, {
      where: 'HAETAE_LAB_INSTANCE',
      why: 'it must be 1 to 40 lower-case letters, digits and dashes, and not begin with a dash',
    })
  }
  const root = join(LABS_ROOT, name)
  return {
    ...{ name, root, pki: join(root, 'pki'), people: join(root, 'people'), netns: join(root, 'netns') },
    ...{ log: join(root, 'lab.log'), cgroup: `haetae-${name}`, lock: `lab ${root}` },
  }
}

/** What the lab's daemons and the contexts of its people are called, so that nothing signed here counts anywhere else. */
export function installationOf({ name }: Instance): string {
  return `lab-${name}`
}

function defaultName(): string {
  const path = realpathSync(CHECKOUT)
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 6)
  const base = basename(path)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 32)
  return base === '' ? digest : `${base}-${digest}`
}

/** The site of that name. Throws `input-invalid` for another name. */
export function siteOf(name: string): SiteId {
  const site = SITES.find((known) => known === name)
  if (site !== undefined) return site
  throw new HaetaeError('input-invalid', `the site "${name}"`, { why: `the lab has ${SITES.join(' and ')}` })
}

/** Where the things of one place are. */
export function placeFolder(instance: Instance, place: PlaceId): string {
  return join(instance.root, place)
}
