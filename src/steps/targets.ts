import type { Attestations, AuthorityReader, AuthorityWriter, SourceSilence } from '#authority/types.ts'
import { databaseReader, databaseWriter, type DatabaseOptions } from '#platform/database/client.ts'
import type { DatabaseReader, DatabaseWriter } from '#platform/database/types.ts'
import { dnsReader, dnsWriter, type DnsOptions } from '#platform/dns/client.ts'
import type { DnsReader, DnsWriter } from '#platform/dns/types.ts'
import { httpClient, type HttpOptions } from '#platform/http/client.ts'
import { serviceClient, type Service } from '#platform/http/services.ts'
import type { HttpReader, HttpWriter, ServiceReader, ServiceWriter } from '#platform/http/types.ts'
import { loadBalancerClient, type LoadBalancerOptions } from '#platform/haproxy/client.ts'
import type { LoadBalancerReader, LoadBalancerWriter } from '#platform/haproxy/types.ts'
import { prometheusClient, type PrometheusClient } from '#platform/prometheus/client.ts'
import { kubernetesClient } from '#platform/kubernetes/client.ts'
import type { KubernetesReader, KubernetesWriter } from '#platform/kubernetes/types.ts'
import { NoAnswer } from '#platform/no-answer.ts'
import type { EffectCtx, ReadCtx, StepType } from '#runbook/step-type.ts'
import { answering } from './answering.ts'

/** What looking needs. Planning is handed these and nothing else. All of them throw Unreachable on no answer. */
export interface Readers {
  /** The site whose cluster and name server these are. */
  readonly site: string
  /** The cluster of this site. */
  readonly kubernetes: KubernetesReader
  /** The name server of this site. */
  readonly dns: DnsReader
  readonly database: DatabaseReader
  readonly http: HttpReader
  readonly services: ServiceReader
  /** The load balancer of this site. */
  readonly loadBalancer: LoadBalancerReader
  /** Prometheus of this site. */
  readonly prometheus: Pick<PrometheusClient, 'vector'>
  readonly authority: AuthorityReader
  readonly attestations: Attestations
  readonly silence: SourceSilence
}

/** What changing needs. They throw PreconditionRefused when the target refused, Unreachable when the answer was lost. */
export interface Writers {
  readonly kubernetes: KubernetesWriter
  readonly dns: DnsWriter
  readonly database: DatabaseWriter
  readonly http: HttpWriter
  readonly services: ServiceWriter
  readonly loadBalancer: LoadBalancerWriter
  readonly authority: AuthorityWriter
}

export interface Targets {
  readonly readers: Readers
  readonly writers: Writers
  /** Lets go of connections. */
  close(): Promise<void>
}

export type Read = ReadCtx<Readers>
export type Act = EffectCtx<Readers, Writers>

/** A step type over these targets. */
export type Step<I, S, O> = StepType<I, S, O, Readers, Writers>

export interface TargetsConfig {
  site: string
  /** File of the kubeconfig for this site's cluster. */
  kubeconfig: string
  dns: DnsOptions
  databases: DatabaseOptions
  http: HttpOptions
  services: readonly Service[]
  /** Without it a step that needs a load balancer is refused. */
  loadBalancer?: LoadBalancerOptions | undefined
  /** Absent: whoever asks finds it unreachable. */
  prometheus?: { url: string } | undefined
}

/** What the rooms below steps give: this site's authorities, and ports that the daemon wires. */
export interface TargetsParts {
  authority: AuthorityReader & AuthorityWriter
  attestations: Attestations
  silence: SourceSilence
}

/**
 * The clients of one site. Nothing is connected to yet. Throws what reading the kubeconfig throws.
 * Readers and writers are separate objects: a holder of readers has no way to write. They sign in to databases as
 * different roles, so that a database refuses what a look must not do.
 */
export function createTargets(config: TargetsConfig, parts: TargetsParts): Targets {
  const kubernetes = kubernetesClient(config.kubeconfig)
  const http = httpClient(config.http)
  const services = serviceClient(config.services)
  const loadBalancer = loadBalancerClient(config.loadBalancer)
  const { authority } = parts
  return {
    readers: {
      site: config.site,
      kubernetes: answering(kubernetes.reader),
      dns: answering(dnsReader(config.dns)),
      database: answering(databaseReader(config.databases)),
      http: answering(http.reader),
      services: answering(services.reader),
      loadBalancer: answering(loadBalancer.reader),
      prometheus: answering(prometheusOf(config.prometheus)),
      authority: authorityReader(authority),
      attestations: parts.attestations,
      silence: answering(parts.silence),
    },
    writers: {
      kubernetes: answering(kubernetes.writer),
      dns: answering(dnsWriter(config.dns)),
      database: answering(databaseWriter(config.databases)),
      http: answering(http.writer),
      services: answering(services.writer),
      loadBalancer: answering(loadBalancer.writer),
      authority: answering<AuthorityWriter>(authority),
    },
    close: () => kubernetes.close(),
  }
}

/** A step on a site without Prometheus has the same way out as on one whose Prometheus is down: `onUnreachable`. */
function prometheusOf(config: TargetsConfig['prometheus']): Readers['prometheus'] {
  if (config !== undefined) return prometheusClient({ url: config.url, deadlineMs: 5_000 })
  return {
    vector: async () => {
      throw new NoAnswer('Prometheus', new Error("the daemon's configuration names none"))
    },
  }
}

function authorityReader(store: AuthorityReader): AuthorityReader {
  return {
    current: (system) => store.current(system),
    takenBy: (runId, system) => store.takenBy(runId, system),
    fence: (runId, system) => store.fence(runId, system),
    promotionClaim: (runId, system) => store.promotionClaim(runId, system),
  }
}
