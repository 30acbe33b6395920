import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fingerprintOf, generateKey, readSignature, sign, SigningFailed, sshTime, verify } from './ssh.ts'

const at = Date.parse('2026-06-01T00:00:00Z')
let folder: string
let publicKey: string
let otherKey: string
let signature: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'haetae-ssh-'))
  publicKey = await generateKey(join(folder, 'key'), 'someone')
  otherKey = await generateKey(join(folder, 'other'), 'another')
  signature = await sign(join(folder, 'key'), 'haetae-approve', 'what is signed')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function ask(over: Partial<Parameters<typeof verify>[0]> = {}) {
  const allowedSigners = `someone namespaces="haetae-approve",valid-before="${sshTime(at + 1000)}" ${publicKey}\n`
  return verify({
    allowedSigners,
    principal: 'someone',
    namespace: 'haetae-approve',
    bytes: 'what is signed',
    signature,
    at,
    ...over,
  })
}

describe('a signature', () => {
  it('holds for its person, namespace, bytes and moment', async () => {
    expect(await ask()).toEqual({ ok: true })
  })

  it.each([
    ['other bytes', { bytes: 'what is signed.' }],
    ['another namespace', { namespace: 'haetae-attest' }],
    ['another person', { principal: 'another' }],
    ['a moment after the end of the key', { at: at + 2000 }],
    ['no signature at all', { signature: 'yes' }],
  ])('does not hold for %s', async (_name, over) => {
    expect(await ask(over)).toMatchObject({ ok: false, why: expect.stringMatching(/./) })
  })

  it('does not hold when its key is in no list', async () => {
    expect(await ask({ allowedSigners: `someone ${otherKey}\n` })).toMatchObject({ ok: false })
  })

  it('is verified without a file that a killed process could leave behind', async () => {
    const seen = new Set<string>()
    let done = false
    const asked = ask().finally(() => (done = true))
    while (!done) {
      for (const name of await readdir(tmpdir())) if (name.startsWith('haetae-verify')) seen.add(name)
    }
    expect(await asked).toEqual({ ok: true })
    expect([...seen]).toEqual([])
  })

  it('says whose key made it and for what, without being proven', () => {
    expect(readSignature(signature)).toEqual({
      fingerprint: fingerprintOf(publicKey),
      publicKey: publicKey.split(' ').slice(0, 2).join(' '),
      namespace: 'haetae-approve',
      hardware: null,
    })
    expect(readSignature('-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----')).toBeUndefined()
  })
})

describe('signing', () => {
  it('fails with what ssh-keygen said when there is no key', async () => {
    await expect(sign(join(folder, 'nobody'), 'haetae-approve', 'x')).rejects.toThrow(SigningFailed)
  })

  it('fails with a key that others may read', async () => {
    await generateKey(join(folder, 'open'), 'open')
    await chmod(join(folder, 'open'), 0o644)
    await expect(sign(join(folder, 'open'), 'haetae-approve', 'x')).rejects.toThrow(
      /ssh-keygen could not sign/,
    )
  })
})
