import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { kubernetesClient, type KubernetesClient } from './client.ts'

/* What a real API server does only under load or on its way down; the rest is in test/kube. */

let dir: string
let server: Server
let client: KubernetesClient
let answer: (request: IncomingMessage, response: ServerResponse) => void
const never = new AbortController().signal
const ref = { apiVersion: 'v1', resource: 'configmaps', namespace: 'haetae', name: 'one' }

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'haetae-test-client-'))
  server = createServer((request, response) => answer(request, response))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  const config = {
    'current-context': 'c',
    clusters: [
      { name: 'c', cluster: { server: `http://127.0.0.1:${port}/`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'u', user: { token: 'secret' } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  }
  await writeFile(join(dir, 'kubeconfig'), JSON.stringify(config))
  client = kubernetesClient(join(dir, 'kubeconfig'), { timeoutMs: 2000 })
})
afterEach(async () => {
  await client.close()
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
  await rm(dir, { recursive: true, force: true })
})

test('a server that is too busy is asked again when it says so, and not before', async () => {
  const asked: number[] = []
  answer = (_request, response) => {
    asked.push(performance.now())
    if (asked.length === 1) response.writeHead(429, { 'retry-after': '1' }).end('{}')
    else response.end(JSON.stringify({ metadata: { name: 'one' } }))
  }
  expect(await client.reader.get(ref, never)).toMatchObject({ metadata: { name: 'one' } })
  expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(950)
})

test('a server that stays too busy ends at the deadline', async () => {
  answer = (_request, response) => void response.writeHead(429, { 'retry-after': '1' }).end('{}')
  await expect(client.reader.get(ref, AbortSignal.timeout(200))).rejects.toMatchObject({ name: 'NoAnswer' })
})

test('a server that gives up on the way has not answered: the write may have happened', async () => {
  answer = (_request, response) =>
    void response.writeHead(504).end(JSON.stringify({ reason: 'Timeout', message: 'etcd took too long' }))
  const object = { kind: 'ConfigMap', metadata: { name: 'one' } }
  await expect(client.writer.replace(ref, object, never)).rejects.toMatchObject({
    name: 'NoAnswer',
    reason: '504 etcd took too long',
  })
})

test('an answer that breaks off in the middle is no answer', async () => {
  answer = (_request, response) => {
    response.writeHead(200, { 'content-length': '1000' }).write('{"metadata":')
    setTimeout(() => response.destroy(), 20)
  }
  await expect(client.reader.get(ref, never)).rejects.toMatchObject({ name: 'NoAnswer' })
})

test('a refusal that a proxy made is told by its first line', async () => {
  answer = (_request, response) => void response.writeHead(403).end('<html>\nblocked')
  await expect(client.reader.get(ref, never)).rejects.toMatchObject({
    name: 'KubernetesRefused',
    status: 403,
    message: expect.stringContaining('<html>') as string,
  })
})

test('names in a path cannot lead elsewhere', async () => {
  const paths: string[] = []
  answer = (request, response) => {
    paths.push(request.url ?? '')
    response.writeHead(404).end('{}')
  }
  await client.reader.get({ ...ref, name: '../../secrets/x?y' }, never)
  expect(paths).toEqual(['/api/v1/namespaces/haetae/configmaps/..%2F..%2Fsecrets%2Fx%3Fy'])
  for (const name of ['..', '.']) {
    await expect(client.writer.patch({ ...ref, name }, {}, never)).rejects.toThrow('not a name')
    await expect(client.reader.get({ ...ref, namespace: name }, never)).rejects.toThrow('not a name')
  }
  expect(paths).toHaveLength(1)
})
