import { z } from 'zod'
import { builtIns, gateType, runbookSchema } from './schema.ts'
import { jsonSchemaOf, type JsonSchema, type StepTypeFacts } from './variables.ts'

/** A value that is an expression as a whole stands wherever a value is taken. */
const expression = {
  type: 'string',
  pattern: '^\\s*\\$\\{\\{[\\s\\S]*\\}\\}\\s*$',
  description: 'A CEL expression as the whole value: ${{ … }}',
}

/**
 * The JSON Schema of runbooks, for editors: which fields there are, and for every step type what its `with` takes.
 * It completes and catches slips while typing; `haetae runbook lint` knows more (graph, types, principles).
 */
export function runbookJsonSchema(stepTypes: ReadonlyMap<string, StepTypeFacts>): Record<string, unknown> {
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
    const fields = step['properties'] as Record<string, unknown>
    fields['type'] = { enum: [...inputs.keys()] }
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

function orExpression(schema: JsonSchema): JsonSchema {
  return { anyOf: [withExpressions(schema), expression] }
}

function withoutDialect(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema'))
}
