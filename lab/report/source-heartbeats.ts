/**
 * Newest heartbeat of each system in an answer of Prometheus to an instant query, as milliseconds of the source's
 * clock. A system without one (0: it never wrote any) is left out.
 */
export function sourceHeartbeats(answer: string): Record<string, number> {
  const { data } = JSON.parse(answer) as {
    data?: { result?: { metric?: { system?: string }; value?: [number, string] }[] }
  }
  const found: Record<string, number> = {}
  for (const { metric, value } of data?.result ?? []) {
    const at = Math.round(Number(value?.[1] ?? 0) * 1000)
    if (metric?.system === undefined || !(at > 0)) continue
    found[metric.system] = Math.max(found[metric.system] ?? 0, at)
  }
  return found
}
