import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AnyStepType } from '#runbook/step-type.ts'
import { jsonSchemaOf, type JsonSchema } from '#runbook/variables.ts'
import { stepTypes } from '#steps/index.ts'

interface Field {
  name: string
  kind: string
  about: string
}

type Described = JsonSchema & { default?: unknown; required?: string[] }

/** docs/step-types.md: what every step type takes, does, gives and relies on. */
export function stepTypesPage(): string {
  const texts = stepTypeTexts()
  const types = [...stepTypes.values()].sort((a, b) => a.type.localeCompare(b.type))
  return [
    '# Step types\n',
    'What the steps of a runbook can do. How a runbook is written is in [runbooks.md](runbooks.md).\n',
    '- **Effect**: `read` changes nothing; `idempotent` sets what it sets, however often; `keyed` is done once under the',
    '  key of its step; after a `point-of-no-return` nothing is taken back.',
    '- **Authority**: it acts only while the run holds the epoch of its system: all that can make a system write or serve.',
    '  What only stops it needs none. What a web service does with a call (`http.call`) is for the service to say.',
    '- **Needs**: what must answer beyond PostgreSQL, the cluster and the name server of the site where it runs. In a',
    '  failover such a step says by `onUnreachable` what is done without.',
    '  A type that holds nothing up (`notify`) is skipped instead, with the reason.',
    '- **Inverse**: the step that takes it back when a run is rolled back. It carries what the step had left (`left`):',
    '  where something else is there by then, nothing is changed and a person is asked.',
    '- **Precondition**: what its target checks before it changes anything. `unfenced`: the target cannot refuse a late',
    '  request, so after a lost answer it is waited for, and a person is asked.\n',
    '| type | effect | authority | needs | inverse | precondition |\n| --- | --- | --- | --- | --- | --- |',
    ...types.map(rowOf),
    '',
    ...types.map((type) => sectionOf(type, texts)),
  ].join('\n')
}

function rowOf({ type, effect, needsAuthority, requires, inverse, precondition }: AnyStepType): string {
  const link = `[\`${type}\`](#${type.toLowerCase().replaceAll('.', '')})`
  return `| ${[
    link,
    effect,
    needsAuthority === false ? '' : needsAuthority === true ? 'yes' : 'but to stop',
    requires.join(', '),
    inverse.kind === 'step' ? `\`${inverse.type}\`` : 'none',
    effect === 'read' ? '' : precondition.kind,
  ].join(' | ')} |`
}

function sectionOf(type: AnyStepType, texts: ReadonlyMap<string, string>): string {
  const text = texts.get(type.type)
  if (text === undefined) throw new Error(`write above ${type.type} in src/steps what it does`)
  const { inverse, precondition } = type
  return [
    `## ${type.type}\n`,
    `${text}\n`,
    ...(type.effect === 'read'
      ? []
      : [
          `- Inverse: ${inverse.kind === 'step' ? `\`${inverse.type}\`` : `none, because ${inverse.why}`}.`,
          precondition.kind === 'checked'
            ? `- Precondition: ${precondition.by}.`
            : `- Precondition: unfenced, because ${precondition.why}.`,
          '',
        ]),
    tableOf('takes', fieldsOf(jsonSchemaOf(type.input, 'input'))),
    tableOf('gives', fieldsOf(jsonSchemaOf(type.output, 'output'))),
  ].join('\n')
}

function tableOf(title: string, fields: readonly Field[]): string {
  const rows = fields.map(({ name, kind, about }) => `| \`${name}\` | ${kind} | ${about} |`)
  return [`| ${title} | | |\n| --- | --- | --- |`, ...rows, ''].join('\n')
}

function fieldsOf(schema: Described, prefix = ''): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]: [string, Described]) => {
    const path = `${prefix}${name}`
    const inner = typeof field.items === 'object' ? field.items : field
    const nested = fieldsOf(inner, inner === field ? `${path}.` : `${path}[].`)
    const needed = schema.required?.includes(name) === true && field.default === undefined
    const fallback =
      field.default === undefined || nested.length > 0
        ? 'optional'
        : `\`${JSON.stringify(field.default)}\` if absent`
    const about = [needed ? '' : fallback, field.description ?? ''].filter(Boolean).join('; ')
    return [{ name: path, kind: kindOf(field), about: about.replaceAll('|', '\\|') }, ...nested]
  })
}

function kindOf(schema: Described): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ')
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  const either = schema.anyOf ?? schema.oneOf
  if (either !== undefined) return [...new Set(either.map(kindOf))].join(' or ')
  if (schema.type === 'array')
    return typeof schema.items === 'object' ? `list of ${kindOf(schema.items)}` : 'list'
  const types = [schema.type ?? 'any JSON'].flat()
  return types.map((type) => plainly[type] ?? type).join(' or ')
}

const plainly: Record<string, string> = { string: 'text', integer: 'whole number', boolean: 'yes or no' }

/** What each type does: the comment above it in its file. */
export function stepTypeTexts(): Map<string, string> {
  const folder = join(import.meta.dirname, '..', '..', 'src', 'steps')
  const above = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport const \w+: Step<[^]*?\n  type: '([^']+)'/g
  return new Map(
    globSync(join(folder, '*.ts')).flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(above)].map(
        ([, comment = '', type = '']) =>
          [type, comment.replaceAll(/\s*\n?\s*\*\s+|\s+/g, ' ').trim()] as const,
      ),
    ),
  )
}
