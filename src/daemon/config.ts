import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { LineCounter, isNode, parseDocument, type Document } from 'yaml'
import { z } from 'zod'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { configSchema, type Config } from './config-schema.ts'
import { hidden, withoutPassword } from './secrets.ts'

export { layoutOf, type Config, type PeerConfig } from './config-schema.ts'

type Path = readonly (string | number)[]

/** Where one value came from: `file:line:column`, the name of an environment variable, or `default`. */
export type Origin = string

export interface ConfigValue {
  /** Dotted key, e.g. `listen.tls.cert` or `peers.0.url`. */
  key: string
  value: unknown
  origin: Origin
  secret: boolean
}

export interface LoadedConfig {
  config: Config
  file: string | undefined
  values: ConfigValue[]
  /** HAETAE_… variables that are no key of the configuration: the daemon warns about them. */
  unusedEnvironment: string[]
}

interface Leaf {
  path: Path
  isPath: boolean
  secret: boolean
  /** A list or object as a whole, given as JSON or YAML text. */
  structured: boolean
}

interface Source {
  file: string | undefined
  document: Document | undefined
  lines: LineCounter
}

/** Variables that belong to the CLI and the lab. */
const notOurs = /^HAETAE_(CONTEXT|LAB_|TEST_|CLI_|KUBERNETES$|AS$|LANG$)/

/** The variable that overrides a key: `listen.tls.cert` is HAETAE_LISTEN_TLS_CERT, `dataDir` HAETAE_DATA_DIR. */
export function environmentName(path: Path): string {
  const words = path.map((part) => String(part).replace(/([a-z0-9])([A-Z])/g, '$1_$2'))
  return `HAETAE_${words.join('_').toUpperCase()}`
}

/**
 * Reads the configuration: the file, then the environment over it.
 * Throws HaetaeError `config-invalid` with the place (`file:line:column` or the variable) of every fault,
 * `config-unreadable` when the file cannot be read.
 */
export function loadConfig(
  file: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): LoadedConfig {
  const source = readSource(file)
  const raw = rawValues(source)
  const leaves = leavesOf(raw)
  const origins = new Map<string, Origin>()
  for (const leaf of leaves) {
    if (leaf.structured) continue
    const value = getIn(raw, leaf.path)
    if (value === undefined) continue
    origins.set(leaf.path.join('.'), placeOf(source, leaf.path))
    if (leaf.isPath && typeof value === 'string') setIn(raw, leaf.path, resolve(dirname(file ?? '.'), value))
  }
  applyEnvironment(raw, leaves, environment, origins)
  const parsed = configSchema.safeParse(raw)
  if (!parsed.success) throw invalid(parsed.error.issues, source, origins)
  const known = new Set(leaves.map((leaf) => environmentName(leaf.path)))
  return {
    config: parsed.data,
    file,
    values: describe(parsed.data, leavesOf(parsed.data), origins),
    unusedEnvironment: Object.keys(environment)
      .filter((name) => name.startsWith('HAETAE_') && !known.has(name) && !notOurs.test(name))
      .sort(),
  }
}

/** Every value with its origin, secrets hidden: what `config show` prints. */
export function describeConfig(loaded: LoadedConfig): ConfigValue[] {
  return loaded.values.map((one) => ({
    ...one,
    value: one.secret ? hidden(one.value) : withoutPassword(one.value),
  }))
}

function readSource(file: string | undefined): Source {
  const lines = new LineCounter()
  if (file === undefined) return { file, document: undefined, lines }
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HaetaeError('config-unreadable', file, { where: file, why: messageOf(cause), cause })
  }
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const fault = document.errors[0]
  if (fault !== undefined) {
    const at = lines.linePos(fault.pos[0])
    throw new HaetaeError('config-invalid', 'the YAML cannot be read', {
      where: `${file}:${at.line}:${at.col}`,
      why: fault.message,
    })
  }
  return { file, document, lines }
}

function rawValues(source: Source): Record<string, unknown> {
  const value: unknown = source.document?.toJS() ?? {}
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw new HaetaeError('config-invalid', 'keys with values are needed', {
    where: `${source.file}:1:1`,
    why: 'the file is not a YAML mapping',
  })
}

function applyEnvironment(
  raw: Record<string, unknown>,
  leaves: readonly Leaf[],
  environment: NodeJS.ProcessEnv,
  origins: Map<string, Origin>,
): void {
  for (const leaf of leaves) {
    const name = environmentName(leaf.path)
    const text = environment[name]
    if (text === undefined || text === '') continue
    const value = leaf.structured ? parseText(name, text) : leaf.isPath ? resolve(text) : text
    setIn(raw, leaf.path, value)
    origins.set(leaf.path.join('.'), name)
  }
}

function parseText(name: string, text: string): unknown {
  const document = parseDocument(text)
  if (document.errors.length === 0) return document.toJS()
  throw new HaetaeError('config-invalid', name, {
    where: `environment variable ${name}`,
    why: `JSON or YAML is needed: ${messageOf(document.errors[0])}`,
  })
}

/** The keys that can be set, walked from the schema so that there is one list only; lists are as long as in `values`. */
function leavesOf(values: Record<string, unknown>): Leaf[] {
  interface Node {
    type?: string
    properties?: Record<string, Node>
    items?: Node
    path?: boolean
    secret?: boolean
  }
  const leaves: Leaf[] = []
  function walk(node: Node, path: Path): void {
    if (node.properties !== undefined) {
      for (const [key, child] of Object.entries(node.properties)) walk(child, [...path, key])
      return
    }
    leaves.push({
      path,
      isPath: node.path === true,
      secret: node.secret === true,
      structured: node.type === 'array',
    })
    const list = getIn(values, path)
    if (node.items === undefined || !Array.isArray(list)) return
    for (let index = 0; index < list.length; index++) walk(node.items, [...path, index])
  }
  walk(z.toJSONSchema(configSchema, { io: 'input' }) as Node, [])
  return leaves
}

function describe(config: Config, leaves: readonly Leaf[], origins: Map<string, Origin>): ConfigValue[] {
  const values: ConfigValue[] = []
  for (const leaf of leaves) {
    const key = leaf.path.join('.')
    const value = getIn(config, leaf.path)
    if (value === undefined || leaf.structured) continue
    const origin = origins.get(key) ?? origins.get(String(leaf.path[0])) ?? 'default'
    values.push({ key, value, origin, secret: leaf.secret })
  }
  return values
}

/** `file:line:column` of a key, or of the nearest one around it that exists. */
function placeOf(source: Source, path: Path): string {
  if (source.file === undefined || source.document === undefined) return 'default'
  for (let length = path.length; length > 0; length--) {
    const node: unknown = source.document.getIn(path.slice(0, length), true)
    if (!isNode(node) || node.range === null || node.range === undefined) continue
    const at = source.lines.linePos(node.range[0])
    return `${source.file}:${at.line}:${at.col}`
  }
  return source.file
}

function invalid(
  issues: readonly z.core.$ZodIssue[],
  source: Source,
  origins: Map<string, Origin>,
): HaetaeError {
  const faults = issues.map((issue) => {
    const path = issue.path.filter((part) => typeof part !== 'symbol')
    const extra = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined
    const full = extra === undefined ? path : [...path, extra]
    const key = full.join('.')
    const origin = origins.get(key)
    const where = origin?.startsWith('HAETAE_') ? `environment variable ${origin}` : placeOf(source, full)
    const missing = getIn(source.document?.toJS() ?? {}, path) === undefined && origin === undefined
    const why = extra !== undefined ? 'there is no such key' : missing ? 'it is not set' : issue.message
    return { key, where: where === 'default' ? 'no configuration file was given' : where, why }
  })
  const keys = faults.map((fault) => fault.key).join(', ')
  if (source.file === undefined && faults.every((fault) => fault.why === 'it is not set')) {
    const variables = faults.map((fault) => environmentName(fault.key.split('.'))).join(', ')
    return new HaetaeError('config-invalid', keys, {
      where: 'no configuration file was given',
      why: { en: `not set: ${keys}`, ko: `설정되지 않음: ${keys}` },
      remedy: {
        en: `Give the file with --config FILE, or set ${variables}.`,
        ko: `--config 파일로 설정 파일을 주거나 ${variables} 변수를 설정하십시오.`,
      },
      facts: { faults },
    })
  }
  const first = faults[0]
  return new HaetaeError('config-invalid', keys, {
    ...(first === undefined ? {} : { where: first.where }),
    why: faults.map((fault) => `${fault.key}: ${fault.why} (${fault.where})`).join('; '),
    facts: { faults },
  })
}

function getIn(value: unknown, path: Path): unknown {
  let current: unknown = value
  for (const part of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Record<string | number, unknown>)[part]
  }
  return current
}

function setIn(root: Record<string, unknown>, path: Path, value: unknown): void {
  let current = root as Record<string | number, unknown>
  for (const part of path.slice(0, -1)) {
    if (typeof current[part] !== 'object' || current[part] === null) current[part] = {}
    current = current[part] as Record<string | number, unknown>
  }
  const last = path.at(-1)
  if (last !== undefined) current[last] = value
}
