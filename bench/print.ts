import type { Durability, EngineFigures } from './engine.ts'
import type { Spread } from './figures.ts'

/** The figures as lines for a terminal. */
export function tableOf({
  settings,
  sequential,
  atOnce,
  graphs,
  leftOut,
  exponent,
}: EngineFigures): string[] {
  const { p50, p95 } = sequential
  return [
    `PostgreSQL ${settings['server_version']}: fsync ${settings['fsync']}, synchronous_commit ${settings['synchronous_commit']}, wal_sync_method ${settings['wal_sync_method']}`,
    'Medians, in brackets the middle half, over pairs of rounds side by side.',
    '',
    ...heading(
      `One step after the other (${p50.pairs} pairs), ms`,
      'step',
      'raw commit',
      'difference',
      'ratio',
    ),
    row('p50', ...cells(p50, 2)),
    row('p95', ...cells(p95, 2)),
    ...proof(sequential.durability),
    '',
    ...heading(`Runs at once (${atOnce.stepsPerSecond.n} pairs), a second`, 'steps', 'raw commits', 'ratio'),
    ...atOnce.commitsPerSecond.map(({ connections, rate, ratio }) =>
      row(
        `beside ${connections} connections`,
        within(atOnce.stepsPerSecond, 0),
        within(rate, 0),
        within(ratio, 2),
      ),
    ),
    ...proof(atOnce.durability),
    '',
    ...heading(
      'Graphs of steps that need none of the others, ms',
      'run',
      'raw commits',
      'difference',
      'ratio',
    ),
    ...graphs.map(({ size, total }) =>
      row(`${size} (${total.pairs} ${total.pairs === 1 ? 'pair' : 'pairs'})`, ...cells(total, 0)),
    ),
    ...(leftOut === null ? [] : [`left out: ${leftOut}`]),
    `time grows with size to the power of ${exponent.all.toFixed(2)} (from size to size ${exponent.each.map((each) => each.toFixed(2)).join(', ')}; raw commits ${exponent.bare.toFixed(2)})`,
  ]
}

function cells(
  { ours, baseline, difference, ratio }: EngineFigures['sequential']['p50'],
  digits: number,
): string[] {
  return [...[ours, baseline, difference].map((spread) => within(spread, digits)), within(ratio, 2)]
}

function within({ median, q1, q3 }: Spread, digits: number): string {
  return `${median.toFixed(digits)} [${q1.toFixed(digits)}–${q3.toFixed(digits)}]`
}

function heading(title: string, ...columns: string[]): string[] {
  return [title, row('', ...columns)]
}

function row(name: string, ...columns: string[]): string {
  return `  ${name.padEnd(24)}${columns.map((column) => column.padStart(24)).join('')}`
}

/** What PostgreSQL counted: a durable commit needs a sync of its own, or one that it shares. */
function proof(durability: Record<'steps' | 'commits', Durability>): string[] {
  return Object.entries(durability).map(
    ([what, { done, commits, syncs }]) =>
      `  ${what === 'steps' ? `${done} steps in ${commits}` : `${commits} raw`} commits: ${syncs} fsyncs of the log, ${(syncs / commits).toFixed(2)} a commit`,
  )
}
