import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHECKOUT } from '../../lab/instance.ts'
import { createAuthority, issue } from '../../lab/pki.ts'
import { startSystemDatabase, type SystemDatabase, type SystemServer } from '../support/postgres-pair.ts'
import { freePort, startServer, untilAnswers, type ServerProcess } from '../support/processes.ts'

/*
 * The web service that plays a system in the lab, as a process on a real database and a streaming standby.
 */
describe("the lab's web service", () => {
  let folder: string
  let database: SystemDatabase
  let ca: string
  const services: ServerProcess[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'haetae-web-'))
    database = await startSystemDatabase()
    await database.primary.sql(`
      GRANT SELECT, INSERT ON transactions TO haetae;
      GRANT SELECT, INSERT, UPDATE ON heartbeat TO haetae;`)
    const authority = await createAuthority(folder, 'authority')
    await issue(authority, folder, 'tls', { commonName: 'web', ips: ['127.0.0.1'] })
    await cp(database.databases.caFile ?? '', join(folder, 'ca.crt'))
    ca = await readFile(authority.cert, 'utf8')
    await cp(database.databases.writer.passwordFile ?? '', join(folder, 'password'))
  })
  afterAll(async () => {
    for (const service of services) await service.stop('SIGTERM')
    await database.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** Starts a service on a database server; resolves when it answers, well or not. */
  async function serve(server: SystemServer, site: string, dependencies = '') {
    const [port, metricsPort] = [await freePort(), await freePort()]
    const env = {
      ...{ SYSTEM: 'G2B', SITE: site, PORT: port, METRICS_PORT: metricsPort, DEPENDENCIES: dependencies },
      ...{ DATABASE_HOST: server.host, DATABASE_PORT: server.port, DATABASE_USER: 'haetae' },
      ...{ DATABASE_PASSWORD_FILE: join(folder, 'password'), TLS_DIR: folder },
    }
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    const program = join(CHECKOUT, 'lab/services/web/main.ts')
    const service = startServer('env', [...words, process.execPath, program], { deathSignal: 'KILL' })
    services.push(service)
    const ask = (method: string, path: string, body?: unknown) => exchange(port, method, path, body)
    await untilAnswers(service, 'the web service', () => ask('GET', '/health'))
    const metrics = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    return { ask, metrics, port }
  }

  function exchange(port: number, method: string, path: string, body?: unknown): Promise<[number, unknown]> {
    return new Promise((resolve, reject) => {
      // agent: false, or a kept connection would outlive the test.
      const agent = new Agent({ keepAlive: false })
      const outgoing = request({ host: '127.0.0.1', port, method, path, ca, agent, timeout: 8000 })
      outgoing.on('error', reject)
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve([response.statusCode ?? 0, JSON.parse(Buffer.concat(chunks).toString()) as unknown]),
        )
      })
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  async function untilStatus(ask: () => Promise<[number, unknown]>, status: number): Promise<unknown> {
    for (let attempt = 0; attempt < 1200; attempt++) {
      const [found, body] = await ask()
      if (found === status) return body
      await sleep(50)
    }
    throw new Error(`it never answered ${status}`)
  }

  test('acknowledges a transaction after it is stored, and stores the same id once', async () => {
    const { ask } = await serve(database.primary, 'daejeon')
    await untilStatus(() => ask('GET', '/health'), 200)
    expect(await ask('GET', '/transactions/t-1')).toMatchObject([404, {}])
    expect(await ask('POST', '/transactions', { id: 't-1', payload: { a: 1 } })).toMatchObject([201, {}])
    expect(await ask('POST', '/transactions', { id: 't-1', payload: { a: 2 } })).toMatchObject([200, {}])
    expect(await ask('GET', '/transactions/t-1')).toMatchObject([200, { id: 't-1' }])
    const rows = await database.primary.sql("SELECT payload FROM transactions WHERE id = 't-1'")
    expect(rows).toEqual([{ payload: { a: 1 } }])
  })

  test('refuses what is no transaction, and says why', async () => {
    const { ask } = await serve(database.primary, 'daejeon')
    await untilStatus(() => ask('GET', '/health'), 200)
    expect(await ask('POST', '/transactions', { payload: 1 })).toMatchObject([400, { why: /id/ }])
    expect((await ask('GET', '/elsewhere'))[0]).toBe(404)
  })

  test('writes a heartbeat of its site every second and shows its time', async () => {
    const { ask, metrics } = await serve(database.primary, 'daejeon')
    await untilStatus(() => ask('GET', '/health'), 200)
    const read = async () =>
      Number(/heartbeat_timestamp_seconds\{system="G2B"\} ([\d.]+)/.exec(await metrics())?.[1] ?? 0)
    await expect.poll(read).toBeGreaterThan(0)
    const before = await read()
    await expect.poll(read).toBeGreaterThan(before)
    const newest = "SELECT extract(epoch FROM at)::float8 AS at FROM heartbeat WHERE source = 'daejeon'"
    const [row] = await database.primary.sql(newest)
    expect(row?.['at']).toBeGreaterThanOrEqual(before)
  })

  test('answers 503 while its database is in recovery, and serves once it is promoted, without a restart', async () => {
    const standby = await database.standby()
    const { ask, metrics } = await serve(standby, 'gwangju')
    const body = await untilStatus(() => ask('GET', '/health'), 503)
    await expect
      .poll(async () => ((await ask('GET', '/health'))[1] as { database: { why: string } }).database.why)
      .toContain('in recovery')
    expect(body).toMatchObject({ ready: false, site: 'gwangju' })
    expect((await ask('POST', '/transactions', { id: 't-2' }))[0]).toBe(503)
    expect((await ask('GET', '/transactions/t-1'))[0]).toBe(503)
    expect(await metrics()).toContain('system_ready{system="G2B"} 0')

    await standby.sql('SELECT pg_promote()')
    await untilStatus(() => ask('POST', '/transactions', { id: 't-2' }), 201)
    expect(await metrics()).toContain('system_ready{system="G2B"} 1')
  })

  test('while writers are paused it refuses transactions and says until when; look-ups go on', async () => {
    const { ask } = await serve(database.primary, 'daejeon')
    await untilStatus(() => ask('POST', '/transactions', { id: 't-paused' }), 201)
    await database.primary.sql("SELECT haetae.pause_writers('test', 600, version) FROM haetae.pause")
    const paused = await untilStatus(() => ask('GET', '/health'), 503)
    expect(paused).toMatchObject({ database: { ok: false, why: /^writers are paused until / } })
    expect((await ask('POST', '/transactions', { id: 't-more' }))[0]).toBe(503)
    expect(await ask('GET', '/transactions/t-paused')).toMatchObject([200, { id: 't-paused' }])
    await database.primary.sql('SELECT haetae.resume_writers(version, 1) FROM haetae.pause')
    await untilStatus(() => ask('POST', '/transactions', { id: 't-more' }), 201)
  })

  test('serves nothing without its hard dependency, and names it; a look-up needs the database alone', async () => {
    const { ask, metrics } = await serve(database.primary, 'daejeon', 'AID=nobody.invalid')
    await expect.poll(metrics).toContain('system_database_up{system="G2B"} 1')
    await ask('GET', '/transactions/t-1').then(([status]) => expect(status).toBe(200))
    const [status, health] = await ask('GET', '/health')
    expect(status).toBe(503)
    expect(health).toMatchObject({ database: { ok: true }, dependencies: { AID: { ok: false } } })
    expect((await ask('POST', '/transactions', { id: 't-3' }))[0]).toBe(503)
    expect(await metrics()).toContain('system_dependency_up{system="G2B",dependency="AID"} 0')
  })

  test('takes new connections when its old ones are ended, and says so when the database is gone', async () => {
    const standby = await database.standby()
    await standby.sql('SELECT pg_promote()')
    const { ask } = await serve(standby, 'gwangju')
    await untilStatus(() => ask('GET', '/health'), 200)
    await standby.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'haetae'")
    expect(await untilStatus(() => ask('POST', '/transactions', { id: 't-4' }), 201)).toMatchObject({
      id: 't-4',
    })
    await standby.stop()
    expect(await untilStatus(() => ask('GET', '/health'), 503)).toMatchObject({ database: { ok: false } })
  })
})
