import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { restartDaemon, stopDaemon } from '../../lab/daemon.ts'
import { until } from '../../lab/drill/waiting.ts'
import { buildLabImages } from '../../lab/image/images.ts'
import { inPlace } from '../../lab/place.ts'
import { runInSite, siteKubectl } from '../../lab/site/control.ts'
import { daemonPaths } from '../../lab/systems/daemon-files.ts'
import { pairLab, type PairLab } from '../support/pair-lab.ts'

/*
 * Step types that are not of one kind of system, on the real things of a site, under the rights that the lab gives.
 *
 * 1. Daejeon's daemon is given a runbook and a web service with a secret, and is started again.
 * 2. The runbook sets a config map, changes it, suspends a CronJob, runs its container to its end once, waits for a
 *    measure, asks the service to do something once, tells people by a webhook, and others by one that is not there.
 * 3. Each is seen at its target. The webhook that is not there was skipped, with the reason; the run has succeeded.
 * 4. The secret has reached the service, and stands in nothing that the daemon tells of the run.
 */
const site = 'daejeon'
const service = 'http://127.0.0.1:9977'
const secret = 'Bearer a-secret-of-the-test'

/** Keeps what it was asked to do and gives it back: all of it at `/ledger`, one at `PATH/KEY`. */
const serving = `
const ledger = []
require('http').createServer(async (request, response) => {
  const { method, url, headers } = request
  const send = (status, body) => response.writeHead(status).end(JSON.stringify(body))
  if (method === 'GET' && url === '/ledger') return send(200, ledger)
  const key = headers['idempotency-key']
  if (method === 'GET') {
    const found = ledger.find((entry) => url === entry.url + '/' + entry.key)
    return send(found ? 200 : 404, found ?? {})
  }
  let text = ''
  for await (const chunk of request) text += chunk
  ledger.push({ key, url, secret: headers.authorization, body: JSON.parse(text) })
  send(201, {})
}).listen(9977, '127.0.0.1')
`

const place = { site: '${{ to.site }}', namespace: '${{ system.namespace }}' }
const configMap = { apiVersion: 'v1', kind: 'ConfigMap' }
const slow = { timeout: { attempt: '1m', total: '2m' } }
const acting = { ...slow, verify: { within: '10s', every: '1s' } }
const quick = { timeout: { attempt: '2s', total: '4s' }, retry: { max: 1, pause: '100ms' } }

/** Steps one after the other: id, type, input, times. */
const steps: [string, string, object, object][] = [
  [
    'set',
    'k8s.apply',
    { ...place, object: { ...configMap, metadata: { name: 'runbook' }, data: { mode: 'maintenance' } } },
    acting,
  ],
  [
    'change',
    'k8s.patch',
    { ...place, ...configMap, name: 'runbook', patch: { data: { by: '${{ system.id }}' } } },
    acting,
  ],
  ['hold', 'k8s.suspend', { ...place, jobs: [{ name: 'close-day' }] }, acting],
  ['work', 'k8s.job', { ...place, cronJob: 'close-day' }, acting],
  ['measured', 'prom.wait', { query: 'count(up == 1) > 0' }, slow],
  [
    'order',
    'http.call',
    { url: service, path: '/orders', body: { system: '${{ system.id }}' }, check: { path: '/orders/{key}' } },
    acting,
  ],
  ['tell', 'notify', { url: service, path: '/hook', text: '${{ system.id + " is ready" }}' }, slow],
  ['tellOthers', 'notify', { url: 'http://127.0.0.1:1', text: 'anything' }, quick],
]

/** JSON is YAML. */
const runbook = JSON.stringify({
  apiVersion: 'haetae/v1',
  kind: 'Runbook',
  metadata: { name: 'every-type', title: { ko: '시험', en: 'Try' }, description: 'For a test.' },
  modes: ['operation'],
  steps: steps.map(([id, type, input, times], at) => ({
    ...{
      id,
      type,
      title: { ko: id, en: id },
      needs: steps.slice(Math.max(0, at - 1), at).map(([before]) => before),
    },
    ...{ with: input, ...times },
  })),
})

function cronJob(image: string): string {
  const container = { name: 'work', image, imagePullPolicy: 'Never', command: ['node', '-e', ''] }
  const template = { spec: { restartPolicy: 'Never', containers: [container] } }
  return JSON.stringify({
    ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'close-day', namespace: 'aid' } },
    spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template } } },
  })
}

let lab: PairLab

beforeAll(async () => {
  lab = await pairLab()
  const { instance } = lab
  const { config, catalogue } = daemonPaths(instance, site)
  const { web } = await buildLabImages()
  await (
    await siteKubectl(instance, site)
  )(['create', '-f', '-'], cronJob(web.ref))
  await writeFile(join(catalogue, 'runbooks', 'every-type.yaml'), runbook)
  await writeFile(join(config, '..', 'service.secret'), secret)
  const services = `services:\n  - { url: '${service}', secretFile: service.secret }\n  - { url: 'http://127.0.0.1:1' }\n`
  await writeFile(config, (await readFile(config, 'utf8')) + services)
  await stopDaemon(instance, site)
  await restartDaemon(instance, site)
  const argv = [...(await inPlace(instance, site)), process.execPath, '-e', serving]
  const [file = '', ...args] = argv
  // It ends with the site's place.
  spawn(file, args, { stdio: 'ignore' }).unref()
  await until(serves, { what: 'the daemon serves', withinMs: 60_000, signal: new AbortController().signal })
})
async function serves() {
  const systems = await lab.view.systems(site).catch(() => [])
  return systems.some(({ id, health }) => id === 'AID' && health === 'up')
    ? { done: true }
    : { notYet: 'not up' }
}

afterAll(() => lab?.end())

test('step types act once at their real targets, and what holds nothing up is skipped', async () => {
  const { id } = (await lab.command(
    ...['runbook', 'run', 'every-type', '--site', site, '--systems', 'AID', '--as', 'operator-1'],
    ...['--confirm', 'every-type', '--reason', 'a test', '--quiet'],
  )) as { id: string }
  const { graph } = await lab.succeeded(site, id)
  const stateOf = (node: string) => graph.find((one) => one.id === `AID/${node}`)
  for (const [node] of steps.slice(0, -1)) expect(stateOf(node)).toMatchObject({ state: 'succeeded' })
  expect(stateOf('tellOthers')).toMatchObject({
    state: 'skipped',
    message: expect.stringContaining('ECONNREFUSED') as string,
  })

  const kubectl = await siteKubectl(lab.instance, site)
  const read = async (...args: string[]) =>
    JSON.parse(await kubectl(['-n', 'aid', ...args, '-o', 'json'])) as unknown
  expect(await read('get', 'configmap', 'runbook')).toMatchObject({
    data: { mode: 'maintenance', by: 'AID' },
  })
  expect(await read('get', 'cronjob', 'close-day')).toMatchObject({ spec: { suspend: true } })
  expect(await read('get', 'jobs')).toMatchObject({ items: [{ status: { succeeded: 1 } }] })
  const ledger = await runInSite(lab.instance, site, ['curl', '--silent', `${service}/ledger`])
  expect(JSON.parse(ledger)).toMatchObject([
    { url: '/orders', secret, body: { system: 'AID' } },
    { url: '/hook', secret, body: { text: 'AID is ready', run: id, node: 'AID/tell' } },
  ])

  const told = await Promise.all([
    lab.command('run', 'show', id, '--site', site),
    lab.view.client(site).call('runJournal', { params: { run: id }, query: {} }),
  ])
  expect(JSON.stringify(told)).toContain('tellOthers')
  expect(JSON.stringify(told)).not.toContain('a-secret-of-the-test')
})
