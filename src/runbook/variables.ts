import { z } from 'zod'
import type { Declared, Fields } from '#expression/expression.ts'
import { listAtMost, type InputDefinition } from './schema.ts'
import type { AnyStepType } from './step-type.ts'

/** The parts of a step type that a definition is checked against. */
export type StepTypeFacts = Pick<
  AnyStepType,
  'type' | 'version' | 'effect' | 'needsAuthority' | 'requires' | 'literals' | 'optional' | 'input' | 'output'
>

const place = { site: 'string', address: 'string', database: { host: 'string', port: 'int' } } as const

/** What expressions of a runbook may read of the system that is moved, and of the two sites. plan/values.ts gives it. */
export const systemVariables = {
  system: {
    id: 'string',
    grade: 'string',
    namespace: 'string',
    workloads: 'list<map<string, dyn>>',
    database: { name: 'string', replication: 'string' },
    traffic: { name: 'string', port: 'int', ttlSeconds: 'int' },
    probe: { path: 'string' },
  },
  from: place,
  to: place,
  targets: { rtoSeconds: 'int', rpoSeconds: 'int' },
} as const satisfies Fields

const inputTypes = {
  string: 'string',
  int: 'int',
  number: 'double',
  bool: 'bool',
  list: 'list<string>',
} as const

/** Whether a value is of the type that an input is declared with. */
export const inputFits: Record<InputDefinition['type'], (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  int: (value) => Number.isSafeInteger(value),
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  bool: (value) => typeof value === 'boolean',
  list: (value) =>
    Array.isArray(value) && value.length <= listAtMost && value.every((item) => typeof item === 'string'),
}

/** The declared inputs of a runbook as variables. */
export function inputVariables(inputs: Record<string, InputDefinition>): Fields {
  return Object.fromEntries(Object.entries(inputs).map(([name, { type }]) => [name, inputTypes[type]]))
}

/** What is read and said of a JSON Schema: the type at a path, and what editors show. */
export interface JsonSchema {
  title?: string
  description?: string
  markdownEnumDescriptions?: string[]
  type?: string | string[]
  properties?: Record<string, JsonSchema>
  items?: JsonSchema | boolean
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  const?: unknown
  enum?: unknown[]
  additionalProperties?: JsonSchema | boolean
}

export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  return z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }) as JsonSchema
}

/** The type that an expression sees of a step's output. */
export function declaredOf(schema: JsonSchema): Declared {
  switch (schema.type) {
    case 'string':
      return 'string'
    case 'integer':
      return 'int'
    case 'number':
      return 'double'
    case 'boolean':
      return 'bool'
    case 'object':
      return schema.properties === undefined
        ? 'dyn'
        : Object.fromEntries(
            Object.entries(schema.properties).map(([name, inner]) => [name, declaredOf(inner)]),
          )
    default:
      return 'dyn'
  }
}

/** JSON types that a schema allows at a path; undefined when that cannot be told cheaply. */
export function typesAt(schema: JsonSchema, path: readonly (string | number)[]): Set<string> | undefined {
  const [part, ...rest] = path
  if (part !== undefined) {
    const inner =
      typeof part === 'number'
        ? schema.items
        : (schema.properties?.[part] ??
          (schema.properties === undefined ? schema.additionalProperties : undefined))
    return typeof inner === 'object' ? typesAt(inner, rest) : undefined
  }
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives !== undefined) {
    const each = alternatives.map((inner) => typesAt(inner, []))
    return each.some((types) => types === undefined)
      ? undefined
      : new Set(each.flatMap((types) => [...(types ?? [])]))
  }
  if (schema.type !== undefined) return new Set([schema.type].flat())
  if (schema.const !== undefined) return new Set([jsonTypeOf(schema.const)])
  return schema.enum === undefined ? undefined : new Set(schema.enum.map(jsonTypeOf))
}

function jsonTypeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}
