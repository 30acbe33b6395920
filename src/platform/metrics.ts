import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

export type { Counter, Gauge, Histogram }

/**
 * The registry behind `/metrics`. Names begin with `haetae_`, have their unit in them, and are documented in
 * docs/metrics.md; our own labels are never `job`, `instance` or `namespace`, which Prometheus sets itself.
 */
export interface Metrics {
  gauge<L extends string>(name: string, help: string, labels?: readonly L[]): Gauge<L>
  counter<L extends string>(name: string, help: string, labels?: readonly L[]): Counter<L>
  histogram<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    buckets: readonly number[],
  ): Histogram<L>
  /** Runs right before every scrape: for what is read, not counted. It must be quick and must not throw. */
  onScrape(fill: () => void | Promise<void>): void
  text(): Promise<string>
}

export function createMetrics(options: { process?: boolean } = {}): Metrics {
  const registry = new Registry()
  const fillers: (() => void | Promise<void>)[] = []
  if (options.process !== false) collectDefaultMetrics({ register: registry, prefix: 'haetae_' })
  return {
    gauge: (name, help, labels = []) =>
      new Gauge({ name, help, labelNames: [...labels], registers: [registry] }),
    counter: (name, help, labels = []) =>
      new Counter({ name, help, labelNames: [...labels], registers: [registry] }),
    histogram: (name, help, labels, buckets) =>
      new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] }),
    onScrape: (fill) => void fillers.push(fill),
    async text() {
      await Promise.all(fillers.map(async (fill) => fill()))
      return registry.metrics()
    },
  }
}
