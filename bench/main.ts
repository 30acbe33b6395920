import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { isHaetaeError } from '#model/errors.ts'
import { benchEngine } from './engine.ts'
import { tableOf } from './print.ts'

// npm run bench -- engine: prints a table, and writes the figures to .haetae/bench/engine-TIME.json.

const checkout = join(import.meta.dirname, '..')
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }

async function main(words: readonly string[]): Promise<number> {
  if (words.length !== 1 || words[0] !== 'engine') {
    console.error('Name what to measure: npm run bench -- engine')
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
    const figures = await benchEngine(stop.signal, say)
    const machine = {
      ...{ cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version },
      ...{ loadBefore, loadAfter: loadavg() },
    }
    const file = save({
      began,
      seconds: (Date.now() - began.getTime()) / 1_000,
      commit: commit(),
      machine,
      ...figures,
    })
    const load = (averages: number[]) => averages.map((each) => each.toFixed(1)).join(' ')
    console.log(tableOf(figures).join('\n'))
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

function save(figures: { began: Date; [key: string]: unknown }): string {
  const folder = join(checkout, '.haetae/bench')
  mkdirSync(folder, { recursive: true })
  const time = figures.began.toISOString().replaceAll(/[:.]/g, '-')
  const file = join(folder, `engine-${time}.json`)
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
