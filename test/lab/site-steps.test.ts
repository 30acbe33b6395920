import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadEstate } from '#estate/load.ts'
import { addressesOf } from '../../lab/addresses.ts'
import { attempt } from '../../lab/command.ts'
import { EVERYTHING } from '../../lab/contents.ts'
import { down } from '../../lab/down.ts'
import { CHECKOUT, type SiteId } from '../../lab/instance.ts'
import { netnsFile } from '../../lab/network.ts'
import { keyPairIn } from '../../lab/pki.ts'
import { runInSite, signalSitePart, siteKubectl, startSitePart } from '../../lab/site/control.ts'
import { status } from '../../lab/status.ts'
import { estateFiles } from '../../lab/systems/catalogue.ts'
import { daemonPaths } from '../../lab/systems/daemon-files.ts'
import { databaseWorkload, labSystems, type LabSystem } from '../../lab/systems/lab-system.ts'
import { up } from '../../lab/up.ts'
import { testInstance } from '../support/test-lab.ts'

/* Steps on what a real site has, with the rights and by the configuration of its daemon. */
describe('on a site of the lab', () => {
  const instance = testInstance()
  let gpk: LabSystem

  beforeAll(async () => {
    const systems = labSystems(await loadEstate(estateFiles(CHECKOUT)))
    gpk = systems.find(({ id }) => id === 'GPK') as LabSystem
    await down(instance)
    await up({ instance, contents: { ...EVERYTHING, daemons: false, citizens: false } })
  })
  afterAll(async () => {
    await down(instance)
  })

  async function step(site: SiteId, type: string, input: Record<string, unknown>) {
    const program = join(CHECKOUT, 'test/support/step-in-site.ts')
    const given = JSON.stringify({ site, ...input })
    const { config } = daemonPaths(instance, site)
    const said = await runInSite(instance, site, [process.execPath, program, config, type, given])
    return JSON.parse(said) as { output: Record<string, unknown>; judged: string }
  }

  function databaseAt(site: SiteId) {
    return { host: gpk.database?.addresses[site], port: 5432, database: gpk.database?.name }
  }

  /** What a citizen is answered who asks for a name at an address: status and body. */
  async function ask(name: string, address: string, path: string, id?: string) {
    const citizens = ['nsenter', `--net=${netnsFile(instance, 'citizens')}`, '--', 'curl', '-s', '-S']
    const trust = ['--cacert', keyPairIn(instance.pki, 'lab').cert, '--max-time', '5']
    const body = id === undefined ? [] : ['--json', JSON.stringify({ id })]
    const what = [
      '--resolve',
      `${name}:443:${address}`,
      '-w',
      '\n%{http_code}',
      ...body,
      `https://${name}${path}`,
    ]
    const { stdout, stderr } = await attempt([...citizens, ...trust, ...what])
    const [text = '', code = ''] = stdout.split('\n')
    if (!text.startsWith('{')) return { status: 0, site: `no answer: ${stderr}` }
    return { status: Number(code), ...(JSON.parse(text) as { site?: string; why?: string }) }
  }

  /*
   * 1. Citizens ask for GPK at Gwangju's load balancer, and are answered by the web service at Daejeon, its home.
   * 2. Its web service is started at Gwangju too, and `lb.switch` sends the system there.
   * 3. Citizens are answered by Gwangju. So they are after the load balancer was killed and started again.
   * 4. Another system, which nobody switched, is still answered by its home.
   */
  test('lb.switch sends a system to a site, also after the load balancer was killed', async () => {
    const { loadBalancer } = addressesOf('gwangju')
    const siteOf = async (name: string) => (await ask(name, loadBalancer, '/health')).site
    expect(await siteOf(gpk.dns)).toBe('daejeon')
    const kubectl = await siteKubectl(instance, 'gwangju')
    await kubectl(['-n', gpk.namespace, 'scale', 'deployment/web', '--replicas=1'])
    await kubectl([
      '-n',
      gpk.namespace,
      'wait',
      '--for=condition=Available',
      'deployment/web',
      '--timeout=60s',
    ])

    const input = { system: 'GPK', backend: gpk.namespace, server: 'gwangju' }
    expect(await step('gwangju', 'lb.switch', input)).toMatchObject({ judged: 'holds' })
    expect(await siteOf(gpk.dns)).toBe('gwangju')

    await signalSitePart(instance, 'gwangju', 'haproxy', 'SIGKILL')
    const alive = async () =>
      (await status(instance)).sites.find(({ site }) => site === 'gwangju')?.parts.haproxy
    await expect.poll(alive, { timeout: 5000 }).toBe(false)
    await startSitePart(instance, 'gwangju', 'haproxy')
    expect(await siteOf(gpk.dns)).toBe('gwangju')
    expect(await siteOf('pis.gov.test')).toBe('daejeon')
  })

  /*
   * 1. A citizen's transaction is stored. Writers are paused for ten seconds: the next one is refused, with the reason;
   *    what was stored is found.
   * 2. The standby at Gwangju has replayed everything.
   * 3. Nobody acts. The refused transaction is sent again until it is stored.
   */
  test('pg.pauseWriters stops a system for its time, and the database lets it go on by itself', async () => {
    const web = gpk.webAddresses['daejeon'] ?? ''
    const submit = (id: string) => ask(gpk.dns, web, '/transactions', id)
    await expect.poll(async () => (await submit('before')).status, { timeout: 20_000 }).toBeOneOf([200, 201])
    const paused = { system: 'GPK', ...databaseAt('daejeon'), ttlSeconds: 10 }
    const { output, judged } = await step('daejeon', 'pg.pauseWriters', paused)
    expect(judged).toBe('holds')
    expect(await submit('during')).toMatchObject({ status: 503 })
    expect(await ask(gpk.dns, web, '/transactions/before')).toMatchObject({ status: 200 })
    const replayed = { ...databaseAt('gwangju'), lsn: output['lsn'] }
    expect(await step('gwangju', 'pg.waitReplay', replayed)).toMatchObject({ judged: 'holds' })
    await expect.poll(async () => (await submit('during')).status, { timeout: 30_000 }).toBe(201)
  })

  /*
   * 1. GPK's database at Daejeon is stopped, by the rights of the daemon. Its pod is gone, citizens are refused.
   * 2. The kubelet is killed and started again, as after a loss of power. Nothing brings the database back.
   */
  test('pg.stop stops a database, and it stays so when the node starts again', async () => {
    const kubectl = await siteKubectl(instance, 'daejeon')
    const pods = [
      '-n',
      gpk.namespace,
      'get',
      'pods',
      '-l',
      `app.kubernetes.io/name=${databaseWorkload}`,
      '-o',
      'name',
    ]
    expect(await kubectl(pods)).not.toBe('')
    const input = {
      system: 'GPK',
      ...databaseAt('daejeon'),
      namespace: gpk.namespace,
      deployment: databaseWorkload,
    }
    expect(await step('daejeon', 'pg.stop', input)).toEqual({
      output: { deployment: databaseWorkload, replicas: 0 },
      judged: 'holds',
    })
    expect(await kubectl(pods)).toBe('')
    expect((await ask(gpk.dns, gpk.webAddresses['daejeon'] ?? '', '/transactions', 'after')).status).toBe(503)

    for (const part of ['containerd', 'kubelet'] as const)
      await signalSitePart(instance, 'daejeon', part, 'SIGKILL')
    for (const part of ['containerd', 'kubelet'] as const) await startSitePart(instance, 'daejeon', part)
    expect(await step('daejeon', 'pg.stop', input)).toMatchObject({ judged: 'holds' })
    expect(await kubectl(pods)).toBe('')
  })
})
