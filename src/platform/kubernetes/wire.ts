import { Conflict } from '../no-answer.ts'
import type { CollectionRef, KubeObject, ResourceRef } from './types.ts'

/** Thrown when the API server answered no: not allowed, not valid, or not found. Nothing was changed. */
export class KubernetesRefused extends Error {
  readonly status: number
  /** The API's own word, e.g. `Forbidden`, `NotFound`. */
  readonly reason: string
  constructor(target: string, status: number, reason: string, message: string) {
    super(`${target} answered ${status} ${reason}: ${message}`)
    this.name = 'KubernetesRefused'
    this.status = status
    this.reason = reason
  }
}

export interface Answer {
  status: number
  body: unknown
  retryAfterSeconds?: number
}

/** The path of a group's version: what it lists is served there. */
export function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
}

/** The path of a collection, or of an object in it. */
export function pathOf(ref: CollectionRef, name?: string): string {
  const root = groupPath(ref.apiVersion)
  const parts = ref.namespace === undefined ? [] : ['namespaces', ref.namespace]
  parts.push(ref.resource, ...(name === undefined ? [] : [name]))
  return `${root}/${parts.map(segment).join('/')}`
}

/** Throws TypeError on what would lead up to another object: `..` is no name, and no encoding keeps a URL from reading it. */
function segment(name: string): string {
  if (name === '.' || name === '..') throw new TypeError(`not a name of an object: ${name}`)
  return encodeURIComponent(name)
}

export function targetOf(ref: ResourceRef): string {
  return `${ref.resource}/${ref.name}${ref.namespace === undefined ? '' : ` in ${ref.namespace}`}`
}

/** The object in an answer; throws what a refusal means. 409 is a stale version, a taken name or an owned field. */
export function objectFrom(answer: Answer, target: string): KubeObject {
  if (answer.status < 300) return answer.body as KubeObject
  const { reason, message } = statusOf(answer.body, typeof answer.body === 'string' ? answer.body : '')
  if (answer.status === 409) throw new Conflict(target, message)
  throw new KubernetesRefused(target, answer.status, reason, message)
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Reason and message of the API's `Status`, or the first line of whatever a proxy in between sent. */
export function statusOf(body: unknown, text: string): { reason: string; message: string } {
  const status = (typeof body === 'object' && body !== null ? body : {}) as {
    reason?: unknown
    message?: unknown
  }
  return {
    reason: typeof status.reason === 'string' ? status.reason : 'Unknown',
    message: typeof status.message === 'string' ? status.message : (text.split('\n')[0] ?? '').slice(0, 200),
  }
}
