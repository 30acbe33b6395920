// npm test [-- fast|all|rest|TIER…]: prepares what the tiers need and runs them, one after the other.
// With HAETAE_TEST_RESULTS=FOLDER each tier's true count is written there as JSON, for .ci/run.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { handOver, runMain, stopIfInterrupted } from './child.mjs'
import { checkout, toolEnvironment } from './place.mjs'
import { prepare } from './prepare.mjs'
import { countTests, record } from './results.mjs'
import { say, Stop } from './say.mjs'

/** The one loss of a site that `npm test` runs; the other scenarios are in `test:all`. */
const oneLoss = 'test/lab/lose-daejeon.test.ts'

/** @typedef {{name: string, project: string, lab: boolean, args?: string[]}} Tier */

/** @type {Record<string, Tier>} */
const tiers = {
  unit: { name: 'unit', project: 'unit', lab: false },
  sim: { name: 'sim', project: 'sim', lab: false },
  store: { name: 'store', project: 'store', lab: true },
  kube: { name: 'kube', project: 'kube', lab: true },
  loss: { name: 'loss', project: 'lab', lab: true, args: [oneLoss] },
  scenarios: { name: 'scenarios', project: 'lab', lab: true, args: ['--exclude', oneLoss] },
  lab: { name: 'lab', project: 'lab', lab: true },
  chaos: { name: 'chaos', project: 'chaos', lab: true },
}

/** @type {Record<string, string[]>} */
const selections = {
  standard: ['unit', 'sim', 'store', 'kube', 'loss'],
  fast: ['unit', 'sim'],
  rest: ['scenarios', 'chaos'],
  all: ['unit', 'sim', 'store', 'kube', 'loss', 'scenarios', 'chaos'],
}

/** @param {string[]} words @returns {{chosen: Tier[], filters: string[]}} */
function choose(words) {
  const first = words[0]
  if (first === undefined) return { chosen: tiersOf('standard'), filters: [] }
  if (first in selections) return { chosen: tiersOf(first), filters: words.slice(1) }
  const tier = tiers[first]
  if (tier === undefined) {
    const known = [...Object.keys(selections), ...Object.keys(tiers)].join(', ')
    throw new Stop(`There is no tier ${first}. Name one of: ${known}; what follows is given to vitest.`, 2)
  }
  return { chosen: [tier], filters: words.slice(1) }
}

/** @param {string} selection @returns {Tier[]} */
function tiersOf(selection) {
  return (selections[selection] ?? []).map((name) => /** @type {Tier} */ (tiers[name]))
}

/** @param {Tier} tier @param {string[]} filters @param {string} folder */
async function runTier(tier, filters, folder) {
  const file = join(folder, `${tier.name}.json`)
  const args = [
    'run',
    '--project',
    tier.project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ]
  // Tests run the gates and this program on copies: what those count is not to be recorded.
  const { HAETAE_TEST_RESULTS: _, ...env } = toolEnvironment()
  const code = await handOver('vitest', [...args, ...(tier.args ?? []), ...filters], { cwd: checkout, env })
  const count = countTests(file, code)
  record(tier.name, count)
  return count
}

runMain(async () => {
  const { chosen, filters } = choose(process.argv.slice(2))
  await prepare({ lab: chosen.some((tier) => tier.lab) })
  const folder = mkdtempSync(join(tmpdir(), 'haetae-results-'))
  /** @type {[string, import('./results.mjs').Count][]} */
  const counts = []
  try {
    for (const tier of chosen) {
      stopIfInterrupted('Stopped as asked.')
      counts.push([tier.name, await runTier(tier, filters, folder)])
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  say('')
  for (const [name, { passed, failed, skipped, why }] of counts) {
    const more = `${skipped > 0 ? `, ${skipped} skipped` : ''}${why === undefined ? '' : ` (${why})`}`
    say(`${name.padEnd(10)} ${passed} passed, ${failed} failed${more}`)
  }
  return counts.some(([, { failed }]) => failed > 0) ? 1 : 0
})
