import { readFileSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SoftwareToken, touched, verified } from '../../support/hardware-key.ts'
import { CliFixture } from './cli-fixture.ts'

/** Two approvers, each with a token of another kind. */
const tokens = {
  'token-ed25519': new SoftwareToken('sk-ssh-ed25519@openssh.com'),
  'token-ecdsa': new SoftwareToken('sk-ecdsa-sha2-nistp256@openssh.com'),
}
const owners = Object.entries(tokens)
const cli = new CliFixture(
  Object.fromEntries(owners.map(([name, { publicKey }]) => [name, { roles: ['approver'], publicKey }])),
)

let agent: Server | undefined
beforeEach(() => owners.forEach(([, token]) => (token.flags = touched)))
afterEach(() => agent?.close())

/** Approves through an agent that holds the token, with its public half as somebody's key. */
async function approveWith(token: SoftwareToken, run: string, as: string) {
  agent?.close()
  const socket = cli.path(`agent-${Math.random().toString(36).slice(2, 8)}`)
  agent = await token.agent(socket)
  const context = JSON.parse(readFileSync(cli.path('context.json'), 'utf8')) as {
    keys: Record<string, string>
  }
  writeFileSync(cli.path('token.pub'), `${token.publicKey}\n`)
  context.keys[as] = cli.path('token.pub')
  writeFileSync(cli.path('token.json'), JSON.stringify(context))
  const args = ['approve', run, '--reason', 'read', '--quiet', '--confirm', run, '--as', as]
  return cli.run(args, { SSH_AUTH_SOCK: socket, HAETAE_CONTEXT: cli.path('token.json') })
}

describe.each(owners)('a key on a hardware token: %s', (owner, token) => {
  it('approves by the command line, and its touch is on record', async () => {
    token.flags = verified
    const run = await cli.declare()
    const ended = await approveWith(token, run, owner)
    expect(ended).toMatchObject({ code: 0, out: expect.stringContaining(`1/2 (signed: ${owner})`) })
    const { out } = await cli.run(['run', 'approvals', run, '--json'])
    expect(out).toContain('"userVerified": true')
  })

  it('is refused without a touch, and is told to touch it; the next try counts', async () => {
    token.flags = 0
    const run = await cli.declare()
    const refused = await approveWith(token, run, owner)
    expect(refused).toMatchObject({ code: 3, err: expect.stringContaining('was not touched') })
    expect(refused.err).toMatch(/touch the token/)
    token.flags = touched
    expect((await approveWith(token, run, owner)).code).toBe(0)
  })

  it("of nobody, or of another person, signs nothing in somebody's name", async () => {
    const run = await cli.declare()
    const stranger = await approveWith(new SoftwareToken(token.kind), run, owner)
    expect(stranger).toMatchObject({ code: 3, err: expect.stringContaining('nobody in the roster') })
    const borrowed = await approveWith(token, run, 'approver-1')
    expect(borrowed).toMatchObject({ code: 3, err: expect.stringContaining("another person's") })
    expect((await cli.run(['run', 'show', run])).out).toContain('approve waiting 0/2')
  })
})
