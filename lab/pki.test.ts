import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority, issue, type KeyPair } from './pki.ts'

describe('certificates of the lab', () => {
  let dir: string
  let authority: KeyPair
  const read = (pair: KeyPair) => new X509Certificate(readFileSync(pair.cert))

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'haetae-pki-'))
    authority = await createAuthority(dir, 'authority')
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  test('are signed by their authority, with the names and addresses that were asked for', async () => {
    const wanted = {
      commonName: 'haetae-gwangju',
      organization: 'daemons',
      dns: ['gpk.gov.test'],
      ips: ['10.72.255.1'],
    }
    const certificate = read(await issue(authority, dir, 'daemon', wanted))
    expect(certificate.verify(read(authority).publicKey)).toBe(true)
    expect(certificate.checkHost('gpk.gov.test')).toBe('gpk.gov.test')
    expect(certificate.checkHost('aid.gov.test')).toBeUndefined()
    expect(certificate.checkIP('10.72.255.1')).toBe('10.72.255.1')
    expect(certificate.subject).toBe('O=daemons\nCN=haetae-gwangju')
  })

  test('cannot sign others', async () => {
    const leaf = await issue(authority, dir, 'leaf', { commonName: 'leaf' })
    expect([read(authority).ca, read(leaf).ca]).toEqual([true, false])
  })

  test('of another authority are not taken for its own', async () => {
    const other = await createAuthority(dir, 'other')
    const foreign = await issue(other, dir, 'foreign', { commonName: 'haetae-gwangju' })
    expect(read(foreign).verify(read(authority).publicKey)).toBe(false)
  })
})
