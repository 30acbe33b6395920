import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pidsIn } from '../support/daemon.ts'
import { chaosRound } from './round.ts'

/*
 * Runs under fire: daemons, and processes with their storage, journal and engine, execute runs against a world that keeps
 * its own record, and are killed (SIGKILL), frozen (SIGSTOP, SIGCONT) and started again at random moments; their
 * PostgreSQL, with fsync, is killed too. In the end nothing is lost, nothing happened twice, and no run hangs.
 *
 * HAETAE_CHAOS_SEED repeats a round, HAETAE_CHAOS_ROUNDS says how many follow from it (20).
 */

const rounds = Number(process.env['HAETAE_CHAOS_ROUNDS'] ?? 20)
const first = Number(process.env['HAETAE_CHAOS_SEED'] ?? randomInt(1, 2 ** 31 - rounds))
const seeds = Array.from({ length: rounds }, (_, index) => first + index)

describe('runs under fire', () => {
  let folder = ''
  let failed = 0

  beforeAll(() => {
    folder = mkdtempSync('/var/tmp/haetae-chaos-')
    chmodSync(folder, 0o711) // the user of PostgreSQL walks through
  })
  afterAll(() => {
    for (const own of ['', ...seeds.map((seed) => `daemons-${seed}`)])
      for (const pid of pidsIn(join(folder, own, 'one', 'postgres'))) process.kill(pid, 'SIGKILL')
    if (failed > 0) process.stderr.write(`what the processes said and did is kept in ${folder}\n`)
    else rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  test.each(seeds)('lose nothing, do nothing twice, and end (HAETAE_CHAOS_SEED=%i)', async (seed) => {
    failed += 1 // until the end of this test
    const told = await chaosRound(seed, folder)
    process.stdout.write(
      `chaos ${seed}: ${told.nodes} nodes, ${told.effects} effects, ${told.states.join(' and ')}, ` +
        `${told.answered.length} answers of people, ${told.ms} ms: ${told.mishaps.join(', ')}\n`,
    )
    const again = `repeat with HAETAE_CHAOS_SEED=${seed} HAETAE_CHAOS_ROUNDS=1`
    expect(told.violations, `${told.violations.join('; ')}; ${again}`).toEqual([])
    failed -= 1
  })
})
