import { join } from 'node:path'
import { HaetaeError } from '#model/errors.ts'
import { attempt, lastLines } from '../command.ts'
import { CHECKOUT } from '../instance.ts'

/** How the command looks on a shell's line. */
export function shown(args: readonly string[]): string {
  const quoted = args.map((word) => (/^[\w./:=,@-]+$/.test(word) ? word : `"${word.replaceAll('"', '\\"')}"`))
  return `./haetae ${quoted.join(' ')}`
}

/**
 * Runs a `haetae` command and returns what `--json` prints. Throws `drill-command-failed` with what it said.
 */
export async function haetae(args: readonly string[], contextFile: string): Promise<unknown> {
  const argv = [process.execPath, join(CHECKOUT, 'bin', 'haetae.js'), ...args, '--json']
  const result = await attempt(argv, { cwd: CHECKOUT, env: { HAETAE_CONTEXT: contextFile } })
  if (result.code === 0) return JSON.parse(result.stdout) as unknown
  throw new HaetaeError('drill-command-failed', shown(args), {
    why: result.why ?? lastLines(`${result.stderr}\n${result.stdout}`, 8),
    facts: { exit: result.code },
  })
}

export interface Decision {
  as: string
  gate: 'approve' | 'attest'
}

/** Who decides in a drill without people. The requester is never among them. */
export const requester = 'operator-1'
export const decisions: readonly Decision[] = [
  { as: 'approver-1', gate: 'approve' },
  { as: 'approver-2', gate: 'approve' },
  { as: 'sre-1', gate: 'attest' },
  { as: 'operator-2', gate: 'attest' },
]

export function failoverArgs(from: string, to: string): string[] {
  return [
    'failover',
    '--from',
    from,
    '--site',
    to,
    '--as',
    requester,
    '--reason',
    'drill: the power of the site is gone',
  ]
}

export function decisionArgs(run: string, site: string, { as, gate }: Decision): string[] {
  const how =
    gate === 'approve'
      ? ['--reason', 'drill: plan read']
      : [
          ...['--reason', 'drill: the site is dark'],
          ...[
            '--source',
            "the lab's own order to lose it",
            '--source',
            'no answer from any vantage point',
            '--outside',
          ],
        ]
  return ['approve', run, '--gate', gate, '--site', site, '--as', as, ...how]
}
