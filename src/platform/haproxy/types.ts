export interface BalancedServer {
  name: string
  /** `host:port`. */
  address: string
  /** Traffic is sent to it, as long as it is up; false in maintenance and while it drains. */
  serving: boolean
  /** As HAProxy's own checks see it; what is in maintenance is not up. */
  up: boolean
}

export interface Balanced {
  /** How often Haetae's commands switched this backend. */
  version: number
  /** In the order of HAProxy's configuration. */
  servers: BalancedServer[]
}

export interface LoadBalancerReader {
  /** Undefined when there is no such backend. Throws NoAnswer, HaetaeError `load-balancer-not-prepared`. */
  backend(name: string, signal: AbortSignal): Promise<Balanced | undefined>
}

export interface LoadBalancerWriter {
  /**
   * Sends all traffic of a backend to one server. Throws Conflict when it is not as it was seen, NoAnswer,
   * HaetaeError `load-balancer-not-prepared`, or an Error with what HAProxy said.
   */
  switch(name: string, server: string, seen: Balanced, signal: AbortSignal): Promise<void>
}
