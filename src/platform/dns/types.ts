/** What a name server answered for one name: addresses (A) and texts (TXT), each sorted; empty when it has none. */
export interface DnsAnswer {
  addresses: string[]
  /** Seconds; undefined when there are no addresses. */
  ttlSeconds: number | undefined
  texts: string[]
}

/** Something that the server must find true before it changes anything. */
export type DnsPrerequisite =
  /** The whole record set of that type at that name must be exactly these. */
  | { kind: 'equals'; name: string; type: 'A' | 'TXT'; values: string[] }
  /** There must be no record of that type at that name. */
  | { kind: 'absent'; name: string; type: 'A' | 'TXT' }

export type DnsChange =
  /** Replaces the whole record set of that type at that name. */
  | { kind: 'set'; name: string; type: 'A' | 'TXT'; ttlSeconds: number; values: string[] }
  | { kind: 'remove'; name: string; type: 'A' | 'TXT' }

export interface DnsReader {
  /** `host:port` of the server that is asked. */
  readonly server: string
  /** Throws NoAnswer when the server does not answer; a name that does not exist is an empty answer. */
  lookUp(name: string, signal: AbortSignal): Promise<DnsAnswer>
}

export interface DnsWriter {
  /**
   * One RFC 2136 update: all prerequisites and all changes in one message, so it is one atomic compare-and-set.
   * Throws Conflict when a prerequisite does not hold, NoAnswer, DnsRefused.
   */
  update(prerequisites: DnsPrerequisite[], changes: DnsChange[], signal: AbortSignal): Promise<void>
}
