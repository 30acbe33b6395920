import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadBalancerClient } from '#platform/haproxy/client.ts'
import { answering } from '#steps/answering.ts'
import { lbSwitch } from '#steps/lb-switch.ts'
import { addressesOf } from '../../lab/addresses.ts'
import { attempt } from '../../lab/command.ts'
import { EVERYTHING } from '../../lab/contents.ts'
import { down } from '../../lab/down.ts'
import { netnsFile } from '../../lab/network.ts'
import { keyPairIn } from '../../lab/pki.ts'
import { signalSitePart, siteKubectl, startSitePart } from '../../lab/site/control.ts'
import { sitePaths } from '../../lab/site/spec.ts'
import { status } from '../../lab/status.ts'
import { up } from '../../lab/up.ts'
import { acting, someTargets } from '../support/step-contexts.ts'
import { testInstance } from '../support/test-lab.ts'

/*
 * Each site has a load balancer for all systems.
 *
 * 1. Citizens ask for GPK at Gwangju's load balancer, and are answered by the web service at Daejeon, its home.
 * 2. Its web service is started at Gwangju too, and `lb.switch` sends the system there.
 * 3. Citizens are answered by Gwangju. So they are after the load balancer was killed and started again.
 * 4. Another system, which nobody switched, is still answered by its home.
 */
describe('the load balancer of a site', () => {
  const instance = testInstance()
  const { loadBalancer } = addressesOf('gwangju')

  beforeAll(async () => {
    await down(instance)
    await up({ instance, contents: { ...EVERYTHING, daemons: false, citizens: false } })
  })
  afterAll(async () => {
    await down(instance)
  })

  /** The site that answers a citizen who asks for a name at the load balancer. */
  async function siteOf(name: string): Promise<string> {
    const citizens = [
      'nsenter',
      `--net=${netnsFile(instance, 'citizens')}`,
      '--',
      'curl',
      '-s',
      '--max-time',
      '5',
    ]
    const trust = ['--cacert', keyPairIn(instance.pki, 'lab').cert]
    const address = ['--resolve', `${name}:443:${loadBalancer}`, `https://${name}/health`]
    const { stdout, stderr } = await attempt([...citizens, '-S', ...trust, ...address])
    return (JSON.parse(stdout || '{}') as { site?: string }).site ?? `no answer: ${stdout}${stderr}`
  }

  test('sends a system where lb.switch says, also after it was killed', async () => {
    expect(await siteOf('gpk.gov.test')).toBe('daejeon')
    const kubectl = await siteKubectl(instance, 'gwangju')
    await kubectl(['-n', 'gpk', 'scale', 'deployment/web', '--replicas=1'])
    await kubectl(['-n', 'gpk', 'wait', '--for=condition=Available', 'deployment/web', '--timeout=60s'])

    const { reader, writer } = loadBalancerClient({
      socket: sitePaths(instance, 'gwangju').loadBalancerSocket,
    })
    const ctx = acting(
      someTargets({
        readers: { loadBalancer: answering(reader) },
        writers: { loadBalancer: answering(writer) },
      }),
    )
    const input = { site: 'gwangju', system: 'GPK', backend: 'gpk', server: 'gwangju' }
    await lbSwitch.apply(ctx, input, await lbSwitch.observe(ctx, input))
    expect(lbSwitch.judge(input, await lbSwitch.observe(ctx, input))).toBe('holds')
    expect(await siteOf('gpk.gov.test')).toBe('gwangju')

    await signalSitePart(instance, 'gwangju', 'haproxy', 'SIGKILL')
    const gone = async () =>
      (await status(instance)).sites.find(({ site }) => site === 'gwangju')?.parts.haproxy
    await expect.poll(gone, { timeout: 5000 }).toBe(false)
    await startSitePart(instance, 'gwangju', 'haproxy')
    expect(await siteOf('gpk.gov.test')).toBe('gwangju')
    expect(await siteOf('pis.gov.test')).toBe('daejeon')
  })
})
