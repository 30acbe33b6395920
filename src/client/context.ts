import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { HaetaeError, messageOf } from '#model/errors.ts'

/** How one site's daemon is reached: by its Unix socket when the file is there, else by https. */
export interface SiteAddress {
  socket?: string
  url?: string
  caFile?: string
}

/** Where the daemons are and who one is: `.haetae/context.json`, written by `haetae lab up`. */
export interface Context {
  file: string
  /** The installation that one means: it is signed. Absent: nothing can be signed but the sign-in. */
  installation?: string
  defaultSite: string
  sites: Record<string, SiteAddress>
  principal: string | undefined
  /** Name of a person → path of the private key. */
  keys: Record<string, string>
}

/** `--context`, HAETAE_CONTEXT, or the nearest `.haetae/context.json` from here upwards, then in the checkout. */
export function contextFile(given: string | undefined, environment: NodeJS.ProcessEnv): string {
  const named = given ?? environment['HAETAE_CONTEXT']
  if (named !== undefined && named !== '') return resolve(named)
  const checkout = join(import.meta.dirname, '../..')
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const candidate = join(folder, '.haetae/context.json')
    if (existsSync(candidate)) return candidate
    if (folder === dirname(folder)) return join(checkout, '.haetae/context.json')
  }
}

/** Reads a context. Throws `context-missing` without the file, `context-invalid` with the field that is wrong. */
export function loadContext(file: string): Context {
  if (!existsSync(file))
    throw new HaetaeError('context-missing', file, { where: file, why: 'there is no such file' })
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new HaetaeError('context-invalid', file, { where: file, why: messageOf(cause), cause })
  }
  return readContext(file, value)
}

function readContext(file: string, value: unknown): Context {
  const wrong = (field: string, why: string) =>
    new HaetaeError('context-invalid', file, { where: `${file}: ${field}`, why })
  if (!isObject(value)) throw wrong('(whole)', 'an object is needed')
  const { installation, defaultSite, sites, principal, keys = {} } = value
  if (installation !== undefined && typeof installation !== 'string')
    throw wrong('installation', 'a name is needed')
  if (typeof defaultSite !== 'string') throw wrong('defaultSite', 'the name of a site is needed')
  if (!isObject(sites) || !Object.values(sites).every(isAddress)) {
    throw wrong('sites', 'for each site a socket or a url is needed')
  }
  if (!Object.hasOwn(sites, defaultSite)) throw wrong('defaultSite', `${defaultSite} is not among the sites`)
  if (principal !== undefined && typeof principal !== 'string') throw wrong('principal', 'a name is needed')
  if (!isObject(keys) || !Object.values(keys).every((path) => typeof path === 'string')) {
    throw wrong('keys', 'for each person the path of a private key is needed')
  }
  const folder = dirname(file)
  return {
    file,
    ...(installation === undefined ? {} : { installation }),
    defaultSite,
    sites: sites as Record<string, SiteAddress>,
    principal,
    keys: Object.fromEntries(
      Object.entries(keys).map(([name, path]) => [name, resolve(folder, String(path))]),
    ),
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isAddress(value: unknown): value is SiteAddress {
  return isObject(value) && (typeof value['socket'] === 'string' || typeof value['url'] === 'string')
}

/** The address of a site. Throws `site-unknown` with the sites that there are. */
export function addressOf(context: Context, site: string): SiteAddress {
  const address = Object.hasOwn(context.sites, site) ? context.sites[site] : undefined
  if (address !== undefined) return address
  throw new HaetaeError('site-unknown', site, {
    where: context.file,
    why: `the context knows ${Object.keys(context.sites).join(', ')}`,
  })
}

/** Who signs, with which key, and for which installation. */
export interface Signing {
  principal: string
  keyFile: string
  installation: string
}

/** The same with what a statement names. Throws `key-unusable`, and `context-invalid` where the context names no installation. */
export function signingOf(context: Context, as: string | undefined): Signing {
  const { file, installation } = context
  if (installation !== undefined) return { ...identityOf(context, as), installation }
  throw new HaetaeError('context-invalid', file, {
    where: `${file}: installation`,
    why: {
      en: 'what you sign names the installation, and the context does not say which one you mean',
      ko: '서명에는 설비의 이름이 들어갑니다. 문맥 파일에 어느 설비인지 적혀 있지 않습니다',
    },
    remedy: {
      en: 'Add `installation` to the context: the name in the configuration of its daemons.',
      ko: '문맥 파일에 `installation`을 더하십시오. 데몬 설정에 있는 이름입니다.',
    },
  })
}

/** Who signs: `--as` or the context's principal, with the key's file. Throws `key-unusable`. */
export function identityOf(context: Context, as: string | undefined): { principal: string; keyFile: string } {
  const principal = as ?? context.principal
  if (principal === undefined) {
    throw new HaetaeError('key-unusable', 'nobody', {
      where: context.file,
      why: 'neither --as nor the context names a person',
      remedy: `Say who you are with --as NAME; the context has keys of ${Object.keys(context.keys).join(', ') || 'nobody'}.`,
    })
  }
  const keyFile = Object.hasOwn(context.keys, principal) ? context.keys[principal] : undefined
  if (keyFile !== undefined) return { principal, keyFile }
  throw new HaetaeError('key-unusable', `key of ${principal}`, {
    where: context.file,
    why: `the context has keys of ${Object.keys(context.keys).join(', ') || 'nobody'}`,
    remedy: 'Name one of them with --as, or add the path of the key to the context.',
  })
}
