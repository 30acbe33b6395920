import { ExpressionError } from './error.ts'
import type { Declared } from './expression.ts'

/** A JSON value as CEL takes it: whole numbers become its 64-bit integers, unless declared double. */
export function toCel(value: unknown, declared: Declared | undefined): unknown {
  if (typeof value === 'number')
    return declared !== 'double' && Number.isSafeInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map((item: unknown) => toCel(item, itemType(declared)))
  if (typeof value !== 'object' || value === null) return value
  const fields = typeof declared === 'object' ? declared : undefined
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => [name, toCel(inner, fields?.[name])]),
  )
}

function itemType(declared: Declared | undefined): Declared {
  return declared === 'list<double>' ? 'double' : 'dyn'
}

/** What CEL gave as JSON. Throws ExpressionError for what JSON cannot carry exactly. */
export function fromCel(source: string, value: unknown): unknown {
  const refuse = (what: string, remedy?: string): never => {
    throw new ExpressionError(source, 0, `its value is ${what}, which is no value of a field`, remedy)
  }
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'bigint': {
      const plain = Number(value)
      return Number.isSafeInteger(plain) ? plain : refuse(`the integer ${value}, beyond ±(2^53 - 1)`)
    }
    case 'number':
      return Number.isFinite(value) ? value : refuse(String(value))
    case 'object':
      break
    default:
      return refuse(`a ${typeof value}`)
  }
  if (value === null) return null
  if (Array.isArray(value)) return value.map((item) => fromCel(source, item))
  if (value.constructor.name === 'UnsignedInt') return fromCel(source, value.valueOf() as unknown as bigint)
  if (value instanceof Map) return objectFrom(source, [...value])
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return objectFrom(source, Object.entries(value))
  return refuse(`a ${value.constructor.name}`, 'Make it text with string(…).')
}

function objectFrom(source: string, entries: [unknown, unknown][]): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const [name, value] of entries) {
    if (typeof name !== 'string' || name === '__proto__')
      throw new ExpressionError(
        source,
        0,
        `its value has the key ${String(name)}, which is no name of a field`,
      )
    result[name] = fromCel(source, value)
  }
  return result
}
