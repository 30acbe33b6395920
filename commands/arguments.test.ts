import { expect, it } from 'vitest'
import { loadConfig } from '../bin/oclif.ts'

it('every command has its arguments as its own: oclif does not take them from a base class', async () => {
  const config = await loadConfig(true)
  const withArguments = config.commands.filter(({ args }) => Object.keys(args).length > 0)
  expect(withArguments.map(({ id }) => id)).toContain('run:pause')
  const lost = []
  for (const { id, load } of withArguments) {
    if (!Object.hasOwn(await load(), 'args')) lost.push(id)
  }
  expect(lost).toEqual([])
})
