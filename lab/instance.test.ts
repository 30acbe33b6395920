import { describe, expect, test } from 'vitest'
import { addressesOf, otherSite } from './addresses.ts'
import { instanceOf, SITES } from './instance.ts'

describe('a lab instance', () => {
  test('has folders, a cgroup and a lock that no other name has', () => {
    const [one, two] = [instanceOf('one'), instanceOf('two')]
    for (const part of ['root', 'cgroup', 'lock'] as const) expect(one[part]).not.toBe(two[part])
    expect(one.netns.startsWith(`${one.root}/`)).toBe(true)
  })

  test.each(['', '-a', 'A', 'a/b', '..', "a'b", 'a b', 'x'.repeat(41)])('is not named %j', (name) => {
    expect(() => instanceOf(name)).toThrow(expect.objectContaining({ code: 'input-invalid' }))
  })

  test('keeps every address of a site in its own network', () => {
    for (const site of SITES) {
      const { network, link, citizensLine, ...own } = addressesOf(site)
      const prefix = network.split('.').slice(0, 2).join('.')
      for (const address of Object.values(own)) expect(address.startsWith(`${prefix}.`)).toBe(true)
      const theirs = addressesOf(otherSite(site))
      expect([theirs.network, theirs.link, theirs.citizensLine]).not.toContain(network)
      expect(link).not.toBe(theirs.link)
      expect(citizensLine).not.toEqual(theirs.citizensLine)
    }
  })
})
