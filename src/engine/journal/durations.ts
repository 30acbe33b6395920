import type { Pool } from 'pg'
import { queryWithin } from '#platform/postgres/transaction.ts'

/** How long steps of one type took, from the first intent to the end of the step. */
export interface StepDuration {
  /** The median. */
  ms: number
  steps: number
  runs: number
}

interface Row {
  type: string
  ms: number
  steps: number
  runs: number
}

/** Of the steps that succeeded in the newest runs that have ended, by step type. */
export async function stepDurations(
  pool: Pool,
  { runs, withinMs }: { runs: number; withinMs: number },
): Promise<Map<string, StepDuration>> {
  const rows = await queryWithin<Row>(
    pool,
    withinMs,
    `WITH recent AS (SELECT id, plan FROM runs WHERE ended_at IS NOT NULL ORDER BY nr DESC LIMIT $1),
          nodes AS (SELECT recent.id AS run_id, node->>'id' AS node, node->>'type' AS type
                    FROM recent, json_array_elements(recent.plan->'subject'->'nodes') AS node),
          times AS (SELECT run_id, event->>'node' AS node,
                           min(at) FILTER (WHERE kind = 'intended') AS began,
                           max(at) FILTER (WHERE kind = 'succeeded') AS ended
                    FROM run_journal
                    WHERE run_id IN (SELECT id FROM recent) AND kind IN ('intended', 'succeeded')
                    GROUP BY 1, 2)
     SELECT type,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended - began) * 1000)::float8 AS ms,
            count(*)::int AS steps, count(DISTINCT run_id)::int AS runs
     FROM nodes JOIN times USING (run_id, node)
     WHERE ended >= began GROUP BY type`,
    [runs],
  )
  return new Map(rows.map(({ type, ms, steps, runs: of }) => [type, { ms: Math.round(ms), steps, runs: of }]))
}
