import { z } from 'zod'
import { environmentName } from '#daemon/config.ts'
import { configSchema } from '#daemon/config-schema.ts'

interface Schema {
  type?: string
  properties?: Record<string, Schema>
  items?: Schema
  enum?: unknown[]
  pattern?: string
  default?: unknown
  description?: string
  path?: boolean
  secret?: boolean
  required?: string[]
}

interface Row {
  key: string
  environment: string
  kind: string
  fallback: string
}

/** docs/configuration.md: every key of the daemon's configuration, with the variable that overrides it. */
export function configurationPage(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Schema
  const rows = rowsOf(schema, [], true)
  return [
    '# Configuration of a daemon\n',
    '`haetae daemon --config FILE` reads a YAML file; every key can be overridden by an environment variable.',
    '`haetae config show --config FILE` prints what is in force and where each value came from, with secrets hidden.',
    'A relative path is relative to the file. A list may be given in its variable as JSON or YAML.\n',
    '| key | variable | value | default |\n| --- | --- | --- | --- |',
    ...rows.map((row) => `| \`${row.key}\` | \`${row.environment}\` | ${row.kind} | ${row.fallback} |`),
    '',
  ].join('\n')
}

function rowsOf(schema: Schema, path: string[], required: boolean): Row[] {
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([name, inner]) =>
      rowsOf(inner, [...path, name], required && (schema.required?.includes(name) ?? false)),
    )
  }
  const row = {
    key: path.join('.'),
    environment: environmentName(path),
    kind: kindOf(schema),
    fallback:
      schema.default === undefined
        ? required
          ? 'required'
          : 'none'
        : `\`${JSON.stringify(schema.default)}\``,
  }
  const items = schema.items?.properties === undefined ? [] : rowsOf(schema.items, [...path, '0'], required)
  return [row, ...items]
}

function kindOf(schema: Schema): string {
  const base =
    schema.path === true ? 'path' : schema.enum === undefined ? plainKind(schema) : schema.enum.join(', ')
  const secret = schema.secret === true ? ', secret' : ''
  return `${base}${secret}${schema.description === undefined ? '' : `: ${schema.description}`}`
}

function plainKind(schema: Schema): string {
  if (schema.pattern !== undefined) return `text matching \`${schema.pattern.replaceAll('|', '\\|')}\``
  return (
    { string: 'text', integer: 'whole number', array: 'list' }[schema.type ?? ''] ?? schema.type ?? 'text'
  )
}
