import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseRoster, type Roster } from '#people/roster.ts'
import { proveSigner } from '#people/signatures.ts'
import { fingerprintOf, generateKey, sign, SigningFailed, verify } from '#platform/ssh.ts'
import { SoftwareToken, touched, verified, type HardwareKind } from '../../support/hardware-key.ts'

const kinds: HardwareKind[] = ['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com']
const at = Date.parse('2026-06-01T00:00:00Z')
const bytes = '{"what":"is signed"}'
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'haetae-hardware-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function rosterOf(...keys: string[]): Roster {
  const people = keys.map((key, index) => ({
    id: `approver-${index + 1}`,
    roles: ['approver'],
    keys: [{ publicKey: key, validFrom: '2026-01-01', validUntil: '2027-01-01' }],
  }))
  return parseRoster('roster.yaml', JSON.stringify({ principals: people }))
}

function prove(token: SoftwareToken, signature: string, signed = bytes) {
  const request = { namespace: 'haetae-approve' as const, bytes: signed, signature, principal: 'approver-1' }
  return proveSigner(rosterOf(token.publicKey), request, at)
}

describe.each(kinds)('a key on a hardware token: %s', (kind) => {
  it('signs, and what the token said of touch, PIN and counter is read', async () => {
    const token = new SoftwareToken(kind)
    token.counter = 41
    const touchedOnly = await prove(token, token.sign('haetae-approve', bytes))
    expect(touchedOnly).toMatchObject({
      principal: { id: 'approver-1' },
      hardware: { userPresent: true, userVerified: false, counter: 41 },
    })
    token.flags = verified
    const withPin = await prove(token, token.sign('haetae-approve', bytes))
    expect(withPin.hardware).toEqual({ userPresent: true, userVerified: true, counter: 42 })
  })

  it('is verified by stock ssh-keygen too', () => {
    const token = new SoftwareToken(kind)
    writeFileSync(join(folder, 'signers'), rosterOf(token.publicKey).allowedSigners())
    writeFileSync(join(folder, 'sig'), token.sign('haetae-approve', bytes))
    const args = ['-Y', 'verify', '-f', 'signers', '-I', 'approver-1', '-n', 'haetae-approve', '-s', 'sig']
    const said = execFileSync('ssh-keygen', [...args, '-Overify-time=20260601000000Z'], {
      cwd: folder,
      input: bytes,
      encoding: 'utf8',
    })
    expect(said).toContain(`Good "haetae-approve" signature for approver-1`)
    expect(said).toContain(fingerprintOf(token.publicKey))
  })

  it('does not count without a touch, although ssh-keygen says yes', async () => {
    const token = new SoftwareToken(kind)
    token.flags = 0
    const signature = token.sign('haetae-approve', bytes)
    const allowedSigners = rosterOf(token.publicKey).allowedSigners()
    const request = { principal: 'approver-1', namespace: 'haetae-approve', bytes, signature, at }
    expect(await verify({ ...request, allowedSigners })).toEqual({ ok: true })
    await expect(prove(token, signature)).rejects.toMatchObject({
      code: 'signature-invalid',
      why: expect.stringContaining('not touched'),
    })
  })

  it.each([
    ['other bytes', (token: SoftwareToken) => token.sign('haetae-approve', 'other')],
    ['another purpose', (token: SoftwareToken) => token.sign('haetae-attest', bytes)],
    ['a flag set afterwards', (token: SoftwareToken) => withFlags(token, verified)],
  ])('does not hold for %s', async (_name, make) => {
    const token = new SoftwareToken(kind)
    await expect(prove(token, make(token))).rejects.toMatchObject({ code: 'signature-invalid' })
  })

  it('cannot be two people by being written as a plain key too', () => {
    const token = new SoftwareToken(kind)
    expect(() => rosterOf(token.publicKey, token.plainPublicKey)).toThrow(
      expect.objectContaining({
        code: 'roster-invalid',
        why: expect.stringContaining("approver-1's already"),
      }),
    )
  })

  it('signs through an agent, from the public half alone', async () => {
    const token = new SoftwareToken(kind)
    const socket = join(folder, 'agent')
    const server = await token.agent(socket)
    try {
      writeFileSync(join(folder, 'token.pub'), `${token.publicKey}\n`)
      const signature = await withAgent(socket, () =>
        sign(join(folder, 'token.pub'), 'haetae-approve', bytes),
      )
      expect((await prove(token, signature)).hardware).toEqual({
        ...{ userPresent: true, userVerified: false, counter: 1 },
      })
    } finally {
      server.close()
    }
  })
})

/** A signature whose flags were changed after it was made; the flags stand before the counter, at the very end. */
function withFlags(token: SoftwareToken, flags: number): string {
  const armored = token.sign('haetae-approve', bytes)
  const body = Buffer.from(armored.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64')
  body[body.length - 5] = flags
  expect(token.flags).toBe(touched)
  return `-----BEGIN SSH SIGNATURE-----\n${body.toString('base64')}\n-----END SSH SIGNATURE-----\n`
}

async function withAgent<T>(socket: string, work: () => Promise<T>): Promise<T> {
  const before = process.env['SSH_AUTH_SOCK']
  process.env['SSH_AUTH_SOCK'] = socket
  try {
    return await work()
  } finally {
    if (before === undefined) delete process.env['SSH_AUTH_SOCK']
    else process.env['SSH_AUTH_SOCK'] = before
  }
}

describe('a key whose private half is no file', () => {
  it('signs through ssh-agent; without the agent signing says why', async () => {
    const file = join(folder, 'key')
    const publicKey = await generateKey(file, 'someone')
    const socket = join(folder, 'agent')
    const started = await promisify(execFile)('ssh-agent', ['-s', '-a', socket])
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(started.stdout)?.[1])
    try {
      const env = { ...process.env, SSH_AUTH_SOCK: socket }
      await promisify(execFile)('ssh-add', ['-q', file], { env })
      rmSync(file)
      const signature = await withAgent(socket, () => sign(`${file}.pub`, 'haetae-approve', bytes))
      const proven = await proveSigner(
        rosterOf(publicKey),
        { namespace: 'haetae-approve', bytes, signature, principal: 'approver-1' },
        at,
      )
      expect(proven.hardware).toBeNull()
    } finally {
      process.kill(pid)
    }
    await expect(
      withAgent(join(folder, 'nobody'), () => sign(`${file}.pub`, 'haetae-approve', bytes)),
    ).rejects.toThrow(SigningFailed)
  })
})
