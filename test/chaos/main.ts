import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isHaetaeError, messageOf } from '#model/errors.ts'
import { pidsIn } from '../support/daemon.ts'
import { RoundRecord, seedRange, totalsOf, type RoundLine } from './record.ts'
import { chaosRound } from './round.ts'

/*
 * npm run chaos: rounds of chaos by ranges of seeds. What was played is kept for each commit, so that a range that was
 * interrupted goes on, and several ranges, also on several machines, add up.
 */

const checkout = join(import.meta.dirname, '../..')

const help = `Plays rounds of chaos: processes with the real storage, journal and engine are killed and frozen at random
moments, and the world outside keeps its own record of what happened.

usage: npm run chaos -- [--seeds FROM-TO] [--parallel N] [--again]

  --seeds FROM-TO   the rounds to play, by their seeds (1-1000); one seed repeats one round
  --parallel N      rounds at the same time (1)
  --again           also those that are on record for this commit

Rounds are on record in .haetae/chaos/COMMIT.jsonl. Ctrl-C (and SIGTERM) ends after the rounds that are being played;
the same command goes on. A round that fails keeps what its processes said and did, and the others are played all the same.
Exit codes: 0 all rounds on record for this commit held; 1 one did not; 2 wrong use.

example: npm run chaos -- --seeds 1-200
`

interface Options {
  from: number
  to: number
  parallel: number
  again: boolean
}

function readOptions(argv: string[]): Options | undefined {
  const { values } = parseArgs({
    args: argv,
    options: {
      seeds: { type: 'string', default: '1-1000' },
      parallel: { type: 'string', default: '1' },
      again: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const parallel = Number(values.parallel)
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > 64)
    throw new RangeError(`--parallel ${values.parallel}: a whole number from 1 to 64 is needed`)
  return { ...seedRange(values.seeds), parallel, again: values.again }
}

/** The commit that is checked out; changes on top of it are told apart, for they are not that commit. */
function commit(): string {
  const git = (...args: string[]) =>
    spawnSync('git', args, { cwd: checkout, encoding: 'utf8' }).stdout?.trim() ?? ''
  const head = git('rev-parse', '--short=12', 'HEAD')
  if (head === '') return 'no-commit'
  return git('status', '--porcelain') === '' ? head : `${head}-changed`
}

/** Plays one round in a folder of its own and says how it went. */
async function play(seed: number, record: RoundRecord): Promise<void> {
  const base = '/var/tmp'
  const folder = mkdtempSync(join(base, `haetae-chaos-${seed}-`))
  chmodSync(folder, 0o711) // the user of PostgreSQL walks through
  const began = Date.now()
  let line: RoundLine
  try {
    const told = await chaosRound(seed, folder)
    const { violations, effects, ms } = told
    line = { seed, violations, effects, mishaps: told.mishaps.length, answers: told.answered.length, ms }
  } catch (error) {
    // What cannot be judged has not held.
    const why = isHaetaeError(error) ? ` (${error.why ?? ''})` : ''
    const violations = [`the round itself failed: ${messageOf(error)}${why}`]
    line = { seed, violations, effects: 0, mishaps: 0, answers: 0, ms: Date.now() - began }
  }
  for (const own of ['', `daemons-${seed}`])
    for (const pid of pidsIn(join(folder, own, 'one', 'postgres'))) process.kill(pid, 'SIGKILL')
  record.append(line)
  if (line.violations.length === 0) {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    console.log(
      `seed ${seed}: held, ${line.effects} effects, ${line.mishaps} mishaps, ${(line.ms / 1000).toFixed(1)} s`,
    )
    return
  }
  console.log(`seed ${seed}: FAILED, repeat it with: npm run chaos -- --seeds ${seed} --again`)
  for (const violation of line.violations) console.log(`  ${violation}`)
  console.log(`  what its processes said and did is kept in ${folder}`)
}

async function main(options: Options): Promise<number> {
  const name = commit()
  const file = join(checkout, '.haetae', 'chaos', `${name}.jsonl`)
  mkdirSync(join(checkout, '.haetae'), { recursive: true })
  const record = new RoundRecord(file)
  const known = options.again ? new Map<number, RoundLine>() : record.read()
  const all = Array.from({ length: options.to - options.from + 1 }, (_, index) => options.from + index)
  const due = all.filter((seed) => !known.has(seed))
  console.log(
    `commit ${name}: ${due.length} rounds to play, ${all.length - due.length} of this range are on record`,
  )
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      stopping = true
      console.log('ending after the rounds that are being played')
    })
  const worker = async (): Promise<void> => {
    for (let seed = due.shift(); seed !== undefined && !stopping; seed = due.shift()) await play(seed, record)
  }
  await Promise.all(Array.from({ length: options.parallel }, worker))
  const { rounds, failed, effects, mishaps, answers } = totalsOf(record.read().values())
  console.log(
    `commit ${name}, all ranges: ${rounds} rounds, ${mishaps} mishaps, ${effects} effects, ${answers} answers of people`,
  )
  console.log(
    `${rounds - failed.length} held, ${failed.length} failed${failed.length > 0 ? `: seeds ${failed.join(', ')}` : ''}`,
  )
  return failed.length > 0 ? 1 : 0
}

function wrongUse(error: unknown): never {
  console.error(`${messageOf(error)}. See: npm run chaos -- --help`)
  process.exit(2)
}

let options: Options | undefined
try {
  options = readOptions(process.argv.slice(2))
} catch (error) {
  wrongUse(error)
}
if (options === undefined) console.log(help)
else process.exitCode = await main(options)
