import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/**
 * `why` says what a failure without a failed test is: a tier that ran no test, a crash, something left behind.
 * `failures` names the failed tests and files, each with what it says.
 * @typedef {{passed: number, failed: number, skipped: number, why?: string, failures?: string[]}} Count
 */

/**
 * The true count of one vitest run, from its JSON report and its exit code.
 * @param {string} file the report; it is absent when vitest crashed
 * @param {number} code
 * @returns {Count}
 */
export function countTests(file, code) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0, why: `no report, exit code ${code}` }
  const report = JSON.parse(readFileSync(file, 'utf8'))
  /** @type {{name: string, status: string, message?: string, assertionResults: {status: string, fullName: string, failureMessages?: string[]}[]}[]} */
  const files = report.testResults
  const tests = files.flatMap(({ assertionResults }) => assertionResults)
  const withStatus = (/** @type {string} */ status) => tests.filter((test) => test.status === status).length
  // A file that could not be loaded, or whose hooks failed, has no failed test of its own.
  const brokenFiles = files.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  )
  const count = {
    passed: withStatus('passed'),
    failed: withStatus('failed') + brokenFiles.length,
    skipped: tests.length - withStatus('passed') - withStatus('failed'),
  }
  if (count.failed > 0) {
    const failed = tests
      .filter((test) => test.status === 'failed')
      .map((test) => `${test.fullName}: ${firstWords(test.failureMessages?.[0] ?? '')}`)
    const broken = brokenFiles.map(({ name, message }) => `${name}: ${firstWords(message ?? '')}`)
    return { ...count, failures: [...failed, ...broken] }
  }
  if (count.passed === 0) return { ...count, failed: 1, why: 'no test ran' }
  if (code !== 0)
    return { ...count, failed: 1, why: `all tests passed, but the run ended with ${code}: see above` }
  return count
}

/**
 * What a failure says, without its stack, short enough for the end of a log.
 * @param {string} message
 */
function firstWords(message) {
  const [said = ''] = stripVTControlCharacters(message).split(/\n\s+at /)
  const words = said.replace(/\s+/g, ' ').trim()
  return words.length > 600 ? `${words.slice(0, 600)}…` : words
}

/**
 * Adds one count to the folder that HAETAE_TEST_RESULTS names, if it names one.
 * @param {string} name @param {Count} count
 */
export function record(name, count) {
  const folder = process.env.HAETAE_TEST_RESULTS
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(count))
}

/**
 * The sum of what was recorded; a part that was expected and recorded nothing (it crashed, or the time was over) counts
 * as one failure.
 * @param {string} folder @param {string[]} expected
 * @returns {Count & {missing: string[], failures: string[]}}
 */
export function sum(folder, expected) {
  const names = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -5))
    : []
  const missing = expected.filter((name) => !names.includes(name))
  /** @type {Count & {missing: string[], failures: string[]}} */
  const total = { passed: 0, failed: missing.length, skipped: 0, missing, failures: [] }
  for (const name of names) {
    /** @type {Count} */
    const count = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
    total.passed += count.passed
    total.failed += count.failed
    total.skipped += count.skipped
    const unnamed = count.failed > 0 ? [count.why ?? 'failed'] : []
    total.failures.push(...(count.failures ?? unnamed).map((failure) => `${name}: ${failure}`))
  }
  return total
}
