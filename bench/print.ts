import { verdictOf } from './durability.ts'
import type { EngineFigures } from './engine.ts'
import type { Spread } from './figures.ts'
import type { Comparison } from './interleave.ts'
import type { Beside } from './measure.ts'

/** The figures as lines for a terminal. */
export function tableOf(figures: EngineFigures): string[] {
  const { sequential, atOnce, graphs, leftOut, exponents, extent } = figures
  const pairs = (beside: Beside) => Object.values(beside)[0]?.pairs ?? 0
  return [
    ...sidesOf(figures),
    '',
    ...proofsOf(figures),
    '',
    'Medians, in brackets the middle half, over rounds in which the sides took turns. Ratio: Haetae ÷ the other.',
    '',
    ...heading(`One step after the other (${pairs(sequential.p50)} rounds), ms; less is better`),
    ...Object.entries(sequential.p50).map(([name, each]) => row(`p50 beside ${name}`, each, 2)),
    ...Object.entries(sequential.p95).map(([name, each]) => row(`p95 beside ${name}`, each, 2)),
    syncsOf(sequential.syncsPerStep),
    '',
    ...heading(
      `${extent.runsAtOnce} runs of ${extent.stepsOfEach} at once (${pairs(atOnce.rate)} rounds), steps a second; more is better`,
    ),
    ...Object.entries(atOnce.rate).map(([name, each]) => row(`beside ${name}`, each, 0)),
    syncsOf(atOnce.syncsPerStep),
    '',
    ...heading('Graphs of steps that need none of the others, ms; less is better'),
    ...graphs.flatMap(({ size, total }) =>
      Object.entries(total).map(([name, each]) =>
        row(`${size} steps beside ${name} (${each.pairs})`, each, 0),
      ),
    ),
    ...leftOut.map((what) => `  left out: ${what}`),
    ...Object.entries(exponents).map(
      ([name, { all, each }]) =>
        `  on ${name} time grows with size to the power of ${all.toFixed(2)} (from size to size ${each.map((one) => one.toFixed(2)).join(', ')})`,
    ),
  ]
}

function sidesOf({ settings, peers }: EngineFigures): string[] {
  const of = (name: string) => settings[name] ?? '?'
  return [
    `Haetae, raw commits: PostgreSQL ${of('server_version')}, fsync ${of('fsync')}, synchronous_commit ${of('synchronous_commit')}, wal_sync_method ${of('wal_sync_method')}`,
    ...Object.entries(peers).flatMap(([name, { versions, durability, settings: set, graphs }]) => [
      `${name}: ${Object.entries(versions)
        .map((each) => each.join(' '))
        .join(', ')}`,
      `  ${durability}`,
      `  settings: ${set}; graphs: ${graphs}`,
    ]),
  ]
}

/** A step that is durable needs a sync of its own, when no other step is there to share it. */
function proofsOf({ proofs, whyNoProofs }: EngineFigures): string[] {
  if (proofs === null) return [`Durability is not proved here: ${whyNoProofs}`]
  return [
    'Syncs to the disk, counted in the kernel while steps were done one after the other',
    ...Object.entries(proofs).map(([name, proof]) => {
      const { steps, kernel, own } = proof
      const verdict =
        verdictOf(proof) === 'synced' ? 'each step is on the disk' : 'WEAKER: fewer syncs than steps'
      return `  ${name.padEnd(16)}${steps} steps: ${kernel} syncs (its store counted ${own}): ${verdict}`
    }),
  ]
}

function syncsOf(perStep: Record<string, number>): string {
  const each = Object.entries(perStep).map(([name, syncs]) => `${name} ${syncs.toFixed(2)}`)
  return `  syncs a step, as the stores counted: ${each.join('; ')}`
}

function heading(title: string): string[] {
  const columns = ['Haetae', 'the other', 'difference', 'ratio']
  return [title, line('', columns)]
}

function row(name: string, { ours, baseline, difference, ratio }: Comparison, digits: number): string {
  return line(name, [
    ...[ours, baseline, difference].map((spread) => within(spread, digits)),
    within(ratio, 2),
  ])
}

function within({ median, q1, q3 }: Spread, digits: number): string {
  return `${median.toFixed(digits)} [${q1.toFixed(digits)}–${q3.toFixed(digits)}]`
}

function line(name: string, columns: string[]): string {
  return `  ${name.padEnd(42)}${columns.map((column) => column.padStart(26)).join('')}`
}
