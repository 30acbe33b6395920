import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { daemonPlace, pidsIn, postmasterPid } from '../support/daemon.ts'

describe('the daemon as a process', () => {
  test('comes up, says what is missing, and an orderly stop leaves nothing running', async () => {
    await using place = await daemonPlace()
    const daemon = await place.start()
    expect((await place.get('/healthz')).body).toMatchObject({ alive: true, site: 'gwangju' })
    const ready = await place.get('/readyz')
    expect(ready.status).toBe(200)
    expect(ready.body).toMatchObject({
      ready: true,
      checks: [
        { name: 'postgres', ok: true },
        { name: 'redis' },
        {
          name: 'prometheus',
          ok: false,
          detail: { en: expect.stringContaining('none is configured') as string },
        },
        { name: 'catalogue', ok: true },
      ],
    })
    const metrics = (await place.get('/metrics')).text
    expect(metrics).toContain('haetae_system_health{system="GPK",health="unknown"} 1')
    expect(metrics).toContain('haetae_authority_epoch{system="GPK"} 1')
    expect(await daemon.stop()).toBe(0)
    expect(pidsIn(join(place.dataDir, 'postgres'))).toEqual([])
    expect(pidsIn(join(place.dataDir, 'redis'))).toEqual([])
  })

  test('killed with SIGKILL, its PostgreSQL and Redis are adopted by the next', async () => {
    await using place = await daemonPlace()
    const first = await place.start()
    const postgres = postmasterPid(place.dataDir)
    const [redis] = pidsIn(join(place.dataDir, 'redis'))
    await first.kill()
    expect(pidsIn(join(place.dataDir, 'redis'))).toEqual([redis])
    const second = await place.start()
    expect(postmasterPid(place.dataDir)).toBe(postgres)
    expect(pidsIn(join(place.dataDir, 'redis'))).toEqual([redis])
    expect(second.log()).toContainEqual(expect.objectContaining({ program: 'PostgreSQL', adopted: true }))
    expect(await second.stop()).toBe(0)
  })

  test('a second one on the data folder is refused and told which process holds it', async () => {
    await using place = await daemonPlace()
    const first = await place.start()
    const { code, said } = await place.startFailing()
    expect(code).toBe(5)
    expect(said).toContain(`process ${first.process.pid} holds it`)
    expect((await place.get('/healthz')).status).toBe(200)
  })

  test('without the programs of PostgreSQL it does not start, and says where it looked', async () => {
    await using place = await daemonPlace()
    const { code, said } = await place.startFailing({ HAETAE_POSTGRES_BIN_DIR: '/nowhere' })
    expect(code).toBe(6)
    expect(said).toContain('postgres-missing')
    expect(said).toContain('/nowhere')
    expect(pidsIn(join(place.dataDir, 'redis'))).toEqual([])
  })

  test('a PostgreSQL that is given and does not answer is an error of the catalogue', async () => {
    await using place = await daemonPlace({ postgres: { url: 'postgresql://haetae@127.0.0.1:1/haetae' } })
    const { code, said } = await place.startFailing()
    expect(code).toBe(6)
    expect(said).toContain('postgres-unavailable')
  })

  test('without redis-server it starts, is ready, and says that backups wait', async () => {
    await using place = await daemonPlace({ redis: { binary: '/nowhere/redis-server' } })
    await place.start()
    const { status, body } = await place.get('/readyz')
    expect(status).toBe(200)
    expect(JSON.stringify(body)).toContain('backups wait')
  })

  test('with a Prometheus that does not answer it starts, and health is unknown for that reason', async () => {
    await using place = await daemonPlace({ prometheus: { url: 'http://127.0.0.1:1' } })
    await place.start()
    const { status, body } = await place.get('/readyz')
    expect(status).toBe(200)
    expect(JSON.stringify(body)).toContain('Prometheus of this site is not available')
  })

  test('PostgreSQL and Redis that are lost later are started again; meanwhile it answers that it is not ready', async () => {
    await using place = await daemonPlace()
    const daemon = await place.start()
    const postgres = postmasterPid(place.dataDir)
    process.kill(postgres, 'SIGKILL')
    for (const pid of pidsIn(join(place.dataDir, 'redis'))) process.kill(pid, 'SIGKILL')
    await expect.poll(() => daemon.log().filter(({ status }) => status === 'down').length).toBe(2)
    expect((await place.get('/healthz')).status).toBe(200)
    await expect.poll(async () => (await place.get('/readyz')).status).toBe(200)
    expect(postmasterPid(place.dataDir)).not.toBe(postgres)
    await expect
      .poll(async () => (await place.get('/metrics')).text)
      .toContain('haetae_supervised_up{program="redis"} 1')
    expect(await daemon.stop()).toBe(0)
  })

  test('a broken catalogue or configuration is refused with its place, before anything is started', async () => {
    await using place = await daemonPlace({ log: { level: 'loud' } })
    const { code, said } = await place.startFailing()
    expect(code).toBe(2)
    expect(said).toContain('log.level')
    expect(said).toContain('config.yaml:')
    const other = await place.startFailing({ HAETAE_LOG_LEVEL: 'info', HAETAE_CATALOGUE_DIR: '/nowhere' })
    expect(other.code).toBe(2)
    expect(other.said).toContain('estate-unreadable')
    expect(pidsIn(join(place.dataDir, 'postgres'))).toEqual([])
  })
})
