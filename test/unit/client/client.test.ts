import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { reasonOf } from '#client/arguments.ts'
import { Client } from '#client/client.ts'
import { addressOf, identityOf, signingOf } from '#client/context.ts'
import { generateKey } from '#platform/ssh.ts'
import { createAuthority, issue, type KeyPair } from '../../../lab/pki.ts'

let folder: string
let authority: KeyPair
let stranger: KeyPair
let daemon: KeyPair
const closers: (() => void)[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'haetae-client-'))
  authority = await createAuthority(folder, 'ours')
  stranger = await createAuthority(folder, 'strange')
  daemon = await issue(authority, folder, 'daemon', { commonName: 'haetae-gwangju', ips: ['127.0.0.1'] })
  await generateKey(join(folder, 'operator-1'), 'operator-1')
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A client of `gwangju`, whose daemon answers by TLS as `answer` says. */
async function clientOf(answer: RequestListener, ca = authority): Promise<Client> {
  const server = createServer({ cert: readFileSync(daemon.cert), key: readFileSync(daemon.key) }, answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  return new Client({
    context: {
      file: join(folder, 'context.json'),
      defaultSite: 'gwangju',
      sites: { gwangju: { url, caFile: ca.cert } },
      principal: 'operator-1',
      keys: { 'operator-1': join(folder, 'operator-1') },
    },
  })
}

it('names that every object knows are no sites and no people', () => {
  const context = { file: 'context.json', defaultSite: 'gwangju', sites: {}, principal: undefined, keys: {} }
  expect(() => addressOf(context, '__proto__')).toThrow(expect.objectContaining({ code: 'site-unknown' }))
  expect(() => identityOf(context, 'constructor')).toThrow(expect.objectContaining({ code: 'key-unusable' }))
})

it('nothing is signed where the context does not say which installation is meant', () => {
  const context = {
    file: 'context.json',
    defaultSite: 'gwangju',
    sites: {},
    principal: 'a',
    keys: { a: '/a' },
  }
  expect(() => signingOf(context, undefined)).toThrow(
    expect.objectContaining({ code: 'context-invalid', where: 'context.json: installation' }),
  )
  const signing = { principal: 'a', keyFile: '/a', installation: 'test' }
  expect(signingOf({ ...context, installation: 'test' }, undefined)).toEqual(signing)
})

it('a reason that says nothing is refused before anything is signed', () => {
  expect(reasonOf('dark')).toBe('dark')
  expect(() => reasonOf('  ')).toThrow(expect.objectContaining({ code: 'usage-wrong' }))
})

const alive = { alive: true, site: 'gwangju', version: '0', now: '2026-11-24T06:00:00.000Z' }

it('a daemon is reached by TLS under the address of the context', async () => {
  const client = await clientOf((_request, response) => response.end(JSON.stringify(alive)))
  expect(await client.call('healthz')).toEqual(alive)
})

it('a daemon with a certificate of another authority is not spoken to', async () => {
  const client = await clientOf((_request, response) => response.end(JSON.stringify(alive)), stranger)
  await expect(client.call('healthz')).rejects.toMatchObject({ code: 'daemon-unreachable' })
})

it('a challenge of another site is not signed: whoever answers could sign in there in our name', async () => {
  const asked: string[] = []
  const client = await clientOf((request, response) => {
    asked.push(String(request.url))
    const challenge = { challenge: 'c', site: 'daejeon', expiresAt: '2026-11-24T06:00:00.000Z' }
    response.end(JSON.stringify(challenge))
  })
  await expect(client.call('systemList')).rejects.toMatchObject({
    code: 'context-invalid',
    why: expect.stringContaining('daejeon'),
  })
  expect(asked).toEqual(['/sessions/challenge'])
})
