import { setTimeout as sleep } from 'node:timers/promises'
import { HttpMethod, KubeConfig, PatchStrategy, RequestContext } from '@kubernetes/client-node'
import { request as ask, type Dispatcher } from 'undici'
import { NoAnswer, orAborted, within } from '../no-answer.ts'
import type { KubernetesReader, KubernetesWriter, KubeObject } from './types.ts'
import { groupPath, objectFrom, parsed, pathOf, statusOf, targetOf, type Answer } from './wire.ts'

/** Owner of the fields that Haetae sets, as `kubectl get --show-managed-fields` shows it. */
export const fieldManager = 'haetae'

export interface KubernetesOptions {
  /** Longest wait for any one answer, milliseconds; 10 s when absent. */
  timeoutMs?: number
}

export interface KubernetesClient {
  readonly reader: KubernetesReader
  readonly writer: KubernetesWriter
  close(): Promise<void>
}

interface Request {
  method: HttpMethod
  path: string
  query?: Record<string, string | undefined>
  body?: unknown
  contentType?: string
  signal: AbortSignal
}

/** Certificates in the kubeconfig's files may be renewed: connections are made anew after this long. */
const dispatcherAgeMs = 600_000

/**
 * A client for the cluster of a kubeconfig's current context. It uses client-node for what a kubeconfig can say
 * (certificates, tokens, exec plugins) and sends the requests itself: objects come back with every field, a deadline
 * holds for each request, and errors are told apart (see types.ts).
 */
export function kubernetesClient(kubeconfigFile: string, options: KubernetesOptions = {}): KubernetesClient {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfigFile)
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new Error(`${kubeconfigFile} names no current cluster`)
  const server = cluster.server.replace(/\/+$/, '')
  const timeoutMs = options.timeoutMs ?? 10_000
  const connections = dispatchers()
  const send: Send = async (request) => {
    const signal = within(timeoutMs, request.signal)
    try {
      return await orAborted(
        signal,
        untilServed(() => sendOnce(config, server, connections, request, signal), signal),
      )
    } catch (error) {
      if (error instanceof NoAnswer) throw error
      throw new NoAnswer(server, signal.aborted ? signal.reason : error)
    }
  }
  const dryRun: Send = (request) =>
    send({ ...request, query: { ...request.query, dryRun: 'All' }, ...dryRunBody(request) })
  return {
    reader: readerOver(server, send, writerOver(dryRun)),
    writer: writerOver(send),
    close: connections.close,
  }
}

/** An API server does not read the query of a DELETE that has a body: without this it would delete. */
function dryRunBody({ method, body }: Request): { body?: unknown } {
  return method === HttpMethod.DELETE ? { body: { ...(body as object | undefined), dryRun: ['All'] } } : {}
}

type Send = (request: Request) => Promise<Answer>

/** 429 is the server's own wish to be asked again: nothing was done. client-node does not do that by itself. */
async function untilServed(send: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  for (;;) {
    const answer = await send()
    if (answer.status !== 429) return answer
    await sleep((answer.retryAfterSeconds ?? 1) * 1000, undefined, { signal })
  }
}

async function sendOnce(
  config: KubeConfig,
  server: string,
  connections: Connections,
  request: Request,
  signal: AbortSignal,
): Promise<Answer> {
  signal.throwIfAborted()
  const context = new RequestContext(`${server}${request.path}`, request.method)
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) context.setQueryParam(name, value)
  }
  await config.applySecurityAuthentication(context)
  const response = await ask(context.getUrl(), {
    method: request.method,
    headers: {
      ...context.getHeaders(),
      accept: 'application/json',
      ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
    },
    body: request.body === undefined ? null : JSON.stringify(request.body),
    signal,
    ...connections.pick(context.getDispatcher()),
  })
  const status = response.statusCode
  const text = await response.body.text()
  const body = parsed(text)
  // 5xx: the server or its etcd gave up on the way, so a write may have happened.
  if (status >= 500) throw new NoAnswer(server, new Error(`${status} ${statusOf(body, text).message}`))
  const retryAfter = Number(response.headers['retry-after'])
  return { status, body: body ?? text, ...(retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}) }
}

interface Connections {
  pick(fresh: Dispatcher | undefined): { dispatcher?: Dispatcher }
  close(): Promise<void>
}

/**
 * client-node makes a new dispatcher for every request, so no connection would ever be used twice:
 * the first is kept. One that is not picked has opened nothing.
 */
function dispatchers(): Connections {
  let kept: { dispatcher: Dispatcher | undefined; until: number } | undefined
  return {
    pick(fresh) {
      if (kept === undefined || kept.until < performance.now()) {
        void kept?.dispatcher?.close().catch(() => undefined)
        kept = { dispatcher: fresh, until: performance.now() + dispatcherAgeMs }
      }
      return kept.dispatcher === undefined ? {} : { dispatcher: kept.dispatcher }
    },
    async close() {
      const dispatcher = kept?.dispatcher
      kept = undefined
      await dispatcher?.destroy()
    },
  }
}

interface ApiResource {
  name: string
  kind: string
  namespaced: boolean
}

function readerOver(server: string, send: Send, dryRun: KubernetesWriter): KubernetesReader {
  return {
    server,
    dryRun,
    async get(ref, signal) {
      const answer = await send({ method: HttpMethod.GET, path: pathOf(ref, ref.name), signal })
      if (answer.status === 404) return undefined
      return objectFrom(answer, targetOf(ref))
    },
    async resource(apiVersion, kind, signal) {
      const path = groupPath(apiVersion)
      const answer = await send({ method: HttpMethod.GET, path, signal })
      if (answer.status === 404) return undefined
      const { resources = [] } = objectFrom(answer, path) as { resources?: ApiResource[] }
      const found = resources.find((one) => one.kind === kind && !one.name.includes('/'))
      return found === undefined ? undefined : { resource: found.name, namespaced: found.namespaced }
    },
    async list(ref, signal, options = {}) {
      const found: KubeObject[] = []
      let next: string | undefined
      do {
        const answer = await send({
          method: HttpMethod.GET,
          path: pathOf(ref),
          query: { labelSelector: options.labelSelector, limit: '500', continue: next },
          signal,
        })
        const page = objectFrom(answer, `${ref.resource} of ${ref.namespace ?? 'the cluster'}`)
        if (Array.isArray(page['items'])) found.push(...(page['items'] as KubeObject[]))
        next = (page.metadata['continue'] as string | undefined) || undefined
      } while (next !== undefined)
      return found
    },
  }
}

function writerOver(send: Send): KubernetesWriter {
  const query = { fieldManager }
  return {
    async scale(ref, replicas, seen, signal) {
      const body = {
        apiVersion: 'autoscaling/v1',
        kind: 'Scale',
        metadata: { name: ref.name, namespace: ref.namespace, ...seen },
        spec: { replicas },
      }
      const path = `${pathOf(ref, ref.name)}/scale`
      const scaled = objectFrom(
        await send({ method: HttpMethod.PUT, path, query, body, signal }),
        targetOf(ref),
      )
      return { replicas: (scaled['spec'] as { replicas?: number } | undefined)?.replicas ?? 0 }
    },
    async apply(ref, object, signal, options = {}) {
      const path = pathOf(ref, ref.name)
      const body = { apiVersion: ref.apiVersion, ...object }
      const force = { ...query, force: options.force === true ? 'true' : undefined }
      const contentType = PatchStrategy.ServerSideApply
      return objectFrom(
        await send({ method: HttpMethod.PATCH, path, query: force, body, contentType, signal }),
        targetOf(ref),
      )
    },
    async patch(ref, patch, signal) {
      const path = pathOf(ref, ref.name)
      const contentType = PatchStrategy.MergePatch
      return objectFrom(
        await send({ method: HttpMethod.PATCH, path, query, body: patch, contentType, signal }),
        targetOf(ref),
      )
    },
    async create(ref, object, signal) {
      const target = targetOf({ ...ref, name: object.metadata.name })
      return objectFrom(
        await send({ method: HttpMethod.POST, path: pathOf(ref), query, body: object, signal }),
        target,
      )
    },
    async replace(ref, object, signal) {
      const path = pathOf(ref, ref.name)
      return objectFrom(
        await send({ method: HttpMethod.PUT, path, query, body: object, signal }),
        targetOf(ref),
      )
    },
    async remove(ref, signal, seen) {
      const body = seen === undefined ? undefined : { preconditions: seen }
      const answer = await send({ method: HttpMethod.DELETE, path: pathOf(ref, ref.name), body, signal })
      if (answer.status !== 404) objectFrom(answer, targetOf(ref))
    },
  }
}
