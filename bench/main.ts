import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isHaetaeError } from '#model/errors.ts'
import { benchEngine, fullExtent, quickExtent } from './engine.ts'
import { benchPlan, fullPlan, planTable, quickPlan } from './plan.ts'
import { tableOf } from './print.ts'

// npm run bench -- NAME [OPTION…]: prints a table, and writes the figures to .haetae/bench/NAME-TIME.json.

const checkout = join(import.meta.dirname, '..')
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }

const usage = `Name what to measure:
  npm run bench -- engine           durable steps beside raw commits, DBOS Transact and Restate
  npm run bench -- engine --alone   beside raw commits only: nothing is installed from npm
  npm run bench -- plan             plans looked at live on a real API server, beside its bare requests
  npm run bench -- NAME --quick     a little of everything, to see that it runs`

interface Options {
  quick: boolean
  alone: boolean
}

interface Outcome {
  table: string[]
  figures: object
}

/** What can be measured, by name. */
const benches: Record<
  string,
  (options: Options, signal: AbortSignal, say: (line: string) => void) => Promise<Outcome>
> = {
  async engine({ quick, alone }, signal, say) {
    const what = { extent: quick ? quickExtent : fullExtent, peers: !alone }
    const figures = await benchEngine(what, signal, say)
    return { table: tableOf(figures), figures }
  },
  async plan({ quick }, signal, say) {
    const figures = await benchPlan(quick ? quickPlan : fullPlan, signal, say)
    return { table: planTable(figures), figures }
  },
}

function asked(words: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        alone: { type: 'boolean', default: false },
      },
    })
    const [name = ''] = positionals
    const bench = benches[name]
    return bench === undefined || positionals.length > 1 ? undefined : { name, bench, options: values }
  } catch {
    return undefined
  }
}

async function main(words: readonly string[]): Promise<number> {
  const what = asked(words)
  if (what === undefined) {
    console.error(usage)
    return 2
  }
  const stop = new AbortController()
  let code = 0
  for (const [signal, exitCode] of Object.entries(exitCodes)) {
    process.on(signal, () => {
      code = exitCode
      stop.abort(new Error('stopped as asked'))
    })
  }
  const say = (line: string) => console.error(`… ${line}`)
  const [began, loadBefore] = [new Date(), loadavg()]
  try {
    const { table, figures } = await what.bench(what.options, stop.signal, say)
    const machine = {
      ...{ cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version },
      ...{ loadBefore, loadAfter: loadavg() },
    }
    const file = save(what.name, {
      began,
      seconds: (Date.now() - began.getTime()) / 1_000,
      commit: commit(),
      machine,
      ...figures,
    })
    const load = (averages: number[]) => averages.map((each) => each.toFixed(1)).join(' ')
    console.log(table.join('\n'))
    console.log(
      `\nload average before ${load(loadBefore)}, after ${load(machine.loadAfter)}; ${machine.cores} cores`,
    )
    console.log(`written to ${file}`)
    return 0
  } catch (error) {
    if (code === 0) console.error(isHaetaeError(error) ? error.message : error)
    else console.error('stopped as asked; nothing is left')
    return code === 0 ? 1 : code
  }
}

function save(name: string, figures: { began: Date; [key: string]: unknown }): string {
  const folder = join(checkout, '.haetae/bench')
  mkdirSync(folder, { recursive: true })
  const time = figures.began.toISOString().replaceAll(/[:.]/g, '-')
  const file = join(folder, `${name}-${time}.json`)
  writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`)
  return file
}

/** The commit that was measured, with `+` when files differ from it; null outside a repository. */
function commit(): string | null {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: checkout, encoding: 'utf8' })
  const head = git('rev-parse', 'HEAD')
  if (head.status !== 0) return null
  return `${head.stdout.trim()}${git('status', '--porcelain', '--untracked-files=no').stdout === '' ? '' : '+'}`
}

process.exitCode = await main(process.argv.slice(2))
