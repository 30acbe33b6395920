import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { testApi } from '../../support/api.ts'
import { people } from '../../support/people.ts'
import { freshDatabase, type FreshDatabase } from '../../support/postgres.ts'

let folder: string
let database: FreshDatabase
let app: FastifyInstance

const pem = (name: string) => readFileSync(join(folder, name))
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

/** A key with a certificate of an authority, made with openssl. */
function certificate(name: string, cn: string, authority: string): void {
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    '-subj',
    `/CN=${cn}`,
  )
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    `${authority}.crt`,
    '-CAkey',
    `${authority}.key`,
    '-CAcreateserial',
    '-days',
    '2',
    '-out',
    `${name}.crt`,
  )
}

function authority(name: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
    '-subj',
    `/CN=${name}`,
    '-days',
    '2',
  )
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'haetae-peer-'))
  authority('ours')
  authority('theirs')
  certificate('server', 'localhost', 'ours')
  certificate('daejeon', 'haetae-daejeon', 'ours')
  certificate('busan', 'haetae-busan', 'ours')
  certificate('forged', 'haetae-daejeon', 'theirs')
  database = await freshDatabase()
  await using all = await people({ 'operator-1': { roles: ['operator'] } })
  const api = await testApi(database.pool, all)
  app = api.build({ cert: pem('server.crt'), key: pem('server.key'), ca: pem('ours.crt') })
  await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await app.close()
  await database.drop()
  rmSync(folder, { recursive: true })
})

function ask(path: string, name?: string): Promise<{ code?: string; site?: string }> {
  const { port } = app.server.address() as AddressInfo
  const own = name === undefined ? {} : { cert: pem(`${name}.crt`), key: pem(`${name}.key`) }
  return new Promise((resolve, reject) => {
    request(
      {
        host: '127.0.0.1',
        port,
        path,
        ca: pem('ours.crt'),
        servername: 'localhost',
        checkServerIdentity: () => undefined,
        ...own,
      },
      (response) => {
        let text = ''
        response.on('data', (chunk) => (text += String(chunk)))
        response.on('end', () => resolve(JSON.parse(text) as object))
      },
    )
      .on('error', reject)
      .end()
  })
}

it('a configured peer is let in by its certificate', async () => {
  expect(await ask('/peer/status', 'daejeon')).toMatchObject({ site: 'gwangju' })
})

it.each([
  ['without a certificate', undefined],
  ['of a site that is no peer', 'busan'],
  ['with a certificate of another authority', 'forged'],
])('a caller %s is not', async (_name, certificateOf) => {
  expect(await ask('/peer/authority', certificateOf)).toMatchObject({ code: 'peer-unknown' })
})

it("a peer's certificate opens nothing that is for people", async () => {
  expect(await ask('/systems', 'daejeon')).toMatchObject({ code: 'session-missing' })
})
