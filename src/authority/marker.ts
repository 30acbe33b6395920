import { setTimeout as sleep } from 'node:timers/promises'
import { Conflict } from '#platform/no-answer.ts'
import type { KubernetesReader, KubernetesWriter, KubeObject } from '#platform/kubernetes/types.ts'

/** The object in a site's cluster that says who may be primary: readable, and enforceable, without Haetae. */
const marker = { apiVersion: 'v1', resource: 'configmaps', namespace: 'haetae', name: 'authority' }

/** What the cluster says about a system. */
export interface Marked {
  epoch: number
  site: string
}

/** `EPOCH:SITE` as the marker holds it; undefined for anything else. */
export function parseMark(text: string | undefined): Marked | undefined {
  const match = /^([1-9]\d{0,8}):([a-z][a-z0-9-]*)$/.exec(text ?? '')
  return match === null ? undefined : { epoch: Number(match[1]), site: match[2] as string }
}

/** The mark of one system in the cluster. Throws NoAnswer. */
export async function readMark(
  reader: KubernetesReader,
  system: string,
  signal: AbortSignal,
): Promise<Marked | undefined> {
  return parseMark(dataOf(await reader.get(marker, signal))[system])
}

/**
 * Writes a system's mark, unless the cluster holds a newer one (throws Conflict) or this one already.
 * All systems share one object, so somebody else's write in between is normal: it is read again and tried again.
 * Throws NoAnswer, and what the API server refused (the namespace `haetae` must exist).
 */
export async function writeMark(
  cluster: Cluster,
  system: string,
  mark: Marked,
  signal: AbortSignal,
): Promise<void> {
  await change(cluster, signal, (data) => {
    const there = parseMark(data[system])
    if (there === undefined || there.epoch < mark.epoch) return { ...data, [system]: textOf(mark) }
    if (there.epoch === mark.epoch && there.site === mark.site) return data
    throw new Conflict(`configmap authority of ${system}`, `it holds epoch ${there.epoch} of ${there.site}`)
  })
}

/**
 * Brings the marks up to what is on record, in one write; newer ones are left as they are. For a daemon that starts,
 * or that learned from its peer. Throws as `writeMark` does, Conflict only when it never got through.
 */
export async function raiseMarks(
  cluster: Cluster,
  authorities: readonly (Marked & { system: string })[],
  signal: AbortSignal,
): Promise<void> {
  await change(cluster, signal, (data) => {
    const low = authorities.filter(({ system, epoch }) => (parseMark(data[system])?.epoch ?? 0) < epoch)
    return low.length === 0
      ? data
      : { ...data, ...Object.fromEntries(low.map((one) => [one.system, textOf(one)])) }
  })
}

export interface Cluster {
  reader: KubernetesReader
  writer: KubernetesWriter
}

/** Reads, changes and writes the object under its resourceVersion; again when somebody wrote in between. */
async function change(
  cluster: Cluster,
  signal: AbortSignal,
  next: (data: Record<string, string>) => Record<string, string>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const found = await cluster.reader.get(marker, signal)
    const data = dataOf(found)
    const wanted = next(data)
    if (wanted === data) return
    try {
      await write(cluster.writer, found, wanted, signal)
      return
    } catch (error) {
      // Twelve systems may write at once; each round lets at least one through.
      if (!(error instanceof Conflict) || attempt >= 40) throw error
      await sleep(5 + Math.random() * 20 * Math.min(attempt, 5), undefined, { signal })
    }
  }
}

function textOf(mark: Marked): string {
  return `${mark.epoch}:${mark.site}`
}

async function write(
  writer: KubernetesWriter,
  found: KubeObject | undefined,
  data: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  if (found === undefined) {
    const metadata = { name: marker.name, namespace: marker.namespace }
    await writer.create(marker, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }, signal)
  } else {
    // `found` carries its resourceVersion, which makes the server refuse when somebody wrote in between.
    await writer.replace(marker, { ...found, data }, signal)
  }
}

function dataOf(object: KubeObject | undefined): Record<string, string> {
  return (object?.['data'] as Record<string, string> | undefined) ?? {}
}
