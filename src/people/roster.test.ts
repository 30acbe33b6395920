import { describe, expect, it } from 'vitest'
import { isHaetaeError } from '#model/errors.ts'
import { parseRoster } from './roster.ts'

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGDYn9PBa2mLhr5yRyp8b0wXtEr8G1a5FFvZbYjQTUFY a'
const otherKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGDYn9PBa2mLhr5yRyp8b0wXtEr8G1a5FFvZbYjQTUFZ b'

function person(id: string, over = '', publicKey = key): string {
  return `  - id: ${id}
    roles: [operator]
    keys:
      - publicKey: ${publicKey}
        validFrom: 2026-01-01T00:00:00Z
        validUntil: 2027-01-01T00:00:00Z
${over}`
}

function faultOf(text: string) {
  try {
    parseRoster('roster.yaml', text)
  } catch (error) {
    if (isHaetaeError(error, 'roster-invalid')) return { where: error.where, why: error.why }
    throw error
  }
  return undefined
}

describe('a roster', () => {
  it('finds a person by name and by key', () => {
    const roster = parseRoster('roster.yaml', `principals:\n${person('operator-1')}`)
    const found = roster.find('operator-1')
    expect(found?.roles).toEqual(['operator'])
    expect(roster.findByFingerprint(found?.keys[0]?.fingerprint ?? '')?.principal).toBe(found)
  })

  it('becomes an allowed_signers file with namespaces and validity', () => {
    const text = parseRoster('roster.yaml', `principals:\n${person('operator-1')}`).allowedSigners()
    expect(text).toMatch(
      /^operator-1 namespaces="haetae-session,haetae-declare,[a-z,-]+",valid-after="20260101000000Z",valid-before="20270101000000Z" /,
    )
    expect(text).toMatch(new RegExp(` ${key.split(' ').slice(0, 2).join(' ')}\n$`))
  })

  it.each([
    ['an unknown field', `principals:\n${person('operator-1', '    shoe: 43')}`, 'roster.yaml:8:5', /shoe/],
    [
      'an unknown role',
      `principals:\n${person('o-1').replace('[operator]', '[king]')}`,
      'roster.yaml:3:13',
      /king|operator/,
    ],
    [
      'a name twice',
      `principals:\n${person('o-1')}${person('o-1', '', otherKey)}`,
      'roster.yaml:8:9',
      /twice/,
    ],
    ['a key twice', `principals:\n${person('o-1')}${person('o-2')}`, 'roster.yaml:11:20', /o-1/],
    [
      'no public key',
      `principals:\n${person('o-1', '', 'ssh-ed25519 AAAA')}`,
      'roster.yaml:5:20',
      /public key/,
    ],
    [
      'a public key that was cut off',
      `principals:\n${person('o-1', '', key.slice(0, 60))}`,
      'roster.yaml:5:20',
      /public key/,
    ],
    [
      'the key of somebody else, written in another way',
      `principals:\n${person('o-1')}${person('o-2', '', `${key.split(' ').slice(0, 2).join(' ')}==`)}`,
      'roster.yaml:11:20',
      /public key/,
    ],
    [
      'a key that ends before it begins',
      `principals:\n${person('o-1').replace('2027-01', '2025-01')}`,
      'roster.yaml:7:21',
      /before/,
    ],
    ['broken YAML', 'principals: [', 'roster.yaml:1:14', /./],
    ['nobody', 'principals: []', 'roster.yaml:1:13', /./],
  ])('with %s is refused, with the place', (_name, text, where, why) => {
    const fault = faultOf(text)
    expect(fault?.where).toBe(where)
    expect(fault?.why).toMatch(why)
  })
})
