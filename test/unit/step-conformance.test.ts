import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stepTypes } from '#steps/index.ts'

const root = join(import.meta.dirname, '..', '..')

/** The step types that a test file hands to the conformance suite, as the objects that they are. */
async function conformingIn(file: string): Promise<unknown[]> {
  const text = readFileSync(file, 'utf8')
  const modules = new Map<string, string>()
  for (const [, names = '', module = ''] of text.matchAll(/^import \{([^}]*)\} from '#steps\/(.+)'$/gm))
    for (const name of names.split(',')) modules.set(name.trim(), module)
  const suites = [...text.matchAll(/^(?!.*\.(?:skip|todo)).*\bconforms\((\w+),/gm)].map(
    ([, name = '']) => name,
  )
  return Promise.all(
    suites.map(async (name) => {
      const module = (await import(join(root, 'src', 'steps', modules.get(name) ?? ''))) as Record<
        string,
        unknown
      >
      return module[name]
    }),
  )
}

test('every registered step type runs through the conformance suite on its real target', async () => {
  const files = globSync('test/{kube,store}/steps/*.test.ts', { cwd: root }).map((file) => join(root, file))
  const conforming = new Set((await Promise.all(files.map(conformingIn))).flat())
  const missing = [...stepTypes.values()].filter((type) => !conforming.has(type)).map(({ type }) => type)
  expect(missing).toEqual([])
})
