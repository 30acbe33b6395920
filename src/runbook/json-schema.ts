import { z } from 'zod'
import { builtIns, gateType, runbookSchema } from './schema.ts'
import { jsonSchemaOf, type JsonSchema, type StepTypeFacts } from './variables.ts'

/** A value that is an expression as a whole stands wherever a value is taken. */
const expression = {
  type: 'string',
  pattern: '^\\s*\\$\\{\\{[\\s\\S]*\\}\\}\\s*$',
  title: 'a CEL expression ${{ … }}',
}

/**
 * The JSON Schema of runbooks, for editors: which fields there are, and for every step type what its `with` takes.
 * It completes and catches slips while typing; `haetae runbook lint` knows more (graph, types, principles).
 * `texts` says in Markdown what each step type does.
 */
export function runbookJsonSchema(
  stepTypes: ReadonlyMap<string, StepTypeFacts>,
  texts: ReadonlyMap<string, string>,
): Record<string, unknown> {
  const schema = z.toJSONSchema(runbookSchema, { io: 'input', unrepresentable: 'any' }) as Record<
    string,
    unknown
  >
  const properties = schema['properties'] as Record<'steps' | 'finally', { items: Record<string, unknown> }>
  const inputs = new Map(
    [...builtIns, ...[...stepTypes.values()].map(({ type, input }) => [type, input] as const)].map(
      ([type, input]) => {
        const own = jsonSchemaOf(input, 'input')
        return [type, type === gateType ? own : withExpressions(own)] as const
      },
    ),
  )
  for (const { items: step } of [properties.steps, properties.finally]) {
    const fields = step['properties'] as Record<string, JsonSchema>
    fields['type'] = {
      description: fields['type']?.description ?? '',
      enum: [...inputs.keys()],
      markdownEnumDescriptions: [...inputs].map(
        ([type, { description }]) => description ?? texts.get(type) ?? '',
      ),
    }
    step['allOf'] = [...inputs].map(([type, input]) => ({
      if: { properties: { type: { const: type } }, required: ['type'] },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      then: { properties: { with: withoutDialect(input) } },
    }))
  }
  return {
    $schema: schema['$schema'],
    title: 'Haetae runbook',
    description: 'Made from the code by `npm run docs`.',
    ...schema,
  }
}

/** The same schema, where every value inside may be an expression instead. */
function withExpressions(schema: JsonSchema): JsonSchema {
  const inner: JsonSchema = { ...schema }
  if (schema.properties !== undefined)
    inner.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, field]) => [name, orExpression(field)]),
    )
  if (typeof schema.items === 'object') inner.items = orExpression(schema.items)
  return inner
}

/** What is said of a value stands outside, so that an editor tells it of an expression too. */
function orExpression(schema: JsonSchema): JsonSchema {
  if (takesAnyText(schema)) return schema
  const { description, ...value } = withExpressions(schema)
  return {
    ...(description === undefined ? {} : { description }),
    anyOf: [{ title: 'A value', ...value }, expression],
  }
}

/** Where every text is allowed an expression is: as a second alternative it would only be said twice. */
function takesAnyText(schema: JsonSchema): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some(takesAnyText)
  if (['pattern', 'format', 'enum', 'const', 'oneOf'].some((limit) => limit in schema)) return false
  return schema.type === undefined || schema.type === 'string'
}

function withoutDialect(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema'))
}
