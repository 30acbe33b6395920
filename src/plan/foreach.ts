import { ExpressionError } from '#expression/error.ts'
import type { CompiledForeach } from '#runbook/runbook.ts'
import type { ForeachDefinition } from '#runbook/schema.ts'
import { waits, type Surroundings } from '#runbook/value-tree.ts'

/** Ranges of items that go together: the sizes of the ramp first, then `maxParallel` at a time. */
export function batchesOf(
  count: number,
  { maxParallel, ramp }: Pick<ForeachDefinition, 'maxParallel' | 'ramp'>,
): { from: number; to: number }[] {
  const sizes = ramp?.split('-').map(Number) ?? []
  const batches: { from: number; to: number }[] = []
  for (let from = 0; from < count;) {
    const to = Math.min(count, from + (sizes[batches.length] ?? maxParallel ?? count))
    batches.push({ from, to })
    from = to
  }
  return batches
}

const readable = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/

/** What stands for each item in the ids of its nodes, or what is wrong: the key, the item itself if it is a name, or its number. */
export function keysOf(
  { key, definition }: CompiledForeach,
  items: readonly unknown[],
  around: readonly Surroundings[],
): string[] | string {
  const plain = (text: unknown) =>
    typeof text === 'string' && readable.test(text) && !/^batch-\d+$/.test(text) ? text : undefined
  if (key === undefined) {
    const names = items.map(plain)
    const usable = names.every((name) => name !== undefined) && new Set(names).size === items.length
    return usable ? (names as string[]) : items.map((_, index) => String(index + 1))
  }
  const keys: string[] = []
  for (const each of around) {
    if (waits(key, each.values)) return `${key.source}: a key is known when the plan is made`
    try {
      const made = key.evaluate(each.bound)
      const name = plain(made)
      if (name === undefined) return `the key ${JSON.stringify(made)} is no plain name, such as web-1`
      if (keys.includes(name)) return `two items have the key ${name} (${definition.key ?? ''})`
      keys.push(name)
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error
      return `${error.source}: ${error.message}`
    }
  }
  return keys
}
