import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SchemaChange } from '#platform/postgres/migrate.ts'

const source = join(import.meta.dirname, '../../src')
const declaration = /^export const (\w+Schema)\s*:\s*(?:readonly\s+)?SchemaChange\[\]/gm

/**
 * The schema changes of the product. They are composed in src/daemon/schema.ts; while that file does not exist,
 * they are gathered from the rooms that declare some.
 */
export async function schemaChanges(): Promise<SchemaChange[]> {
  const composed = join(source, 'daemon/schema.ts')
  if (existsSync(composed)) {
    const { schema } = (await import(composed)) as { schema: readonly SchemaChange[] }
    return [...schema]
  }
  return schemaChangesOfRooms()
}

/** Every `export const xyzSchema: SchemaChange[]` below src/, in the order of their names. */
export async function schemaChangesOfRooms(): Promise<SchemaChange[]> {
  const changes: SchemaChange[] = []
  for (const file of globSync('**/*.ts', { cwd: source })) {
    if (file.endsWith('.test.ts') || file.startsWith('daemon/')) continue
    const names = [...readFileSync(join(source, file), 'utf8').matchAll(declaration)].map((match) => match[1])
    if (names.length === 0) continue
    const room = (await import(join(source, file))) as Record<string, readonly SchemaChange[]>
    for (const name of names) changes.push(...(room[name ?? ''] ?? []))
  }
  return changes.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
