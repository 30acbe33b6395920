import type { Attestations, AuthorityReader, AuthorityWriter, SourceSilence } from '#authority/types.ts'
import type { DatabaseReader, DatabaseWriter } from '#platform/database/types.ts'
import type { DnsReader, DnsWriter } from '#platform/dns/types.ts'
import type { HttpReader, HttpWriter } from '#platform/http/types.ts'
import type { KubernetesReader, KubernetesWriter } from '#platform/kubernetes/types.ts'
import type { EffectCtx, ReadCtx, StepType } from '#runbook/step-type.ts'

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
