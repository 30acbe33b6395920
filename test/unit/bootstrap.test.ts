import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { countTests, record, sum } from '../../bootstrap/results.mjs'
import { duration, Progress } from '../../bootstrap/say.mjs'

const checkout = join(import.meta.dirname, '../..')
let folder = ''
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'haetae-bootstrap-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Runs `npm run setup` with programs of this test before those of the machine; nothing may be changed by it. */
function setup(options: { programs?: Record<string, string>; environment?: Record<string, string> } = {}) {
  const programs = join(folder, 'programs')
  mkdirSync(programs)
  // Should the look at the machine let something pass, this Go builds nothing.
  for (const [name, script] of Object.entries({ go: 'exit 1', ...options.programs })) {
    writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(programs, name), 0o755)
  }
  const result = spawnSync(process.execPath, [join(checkout, 'bootstrap/setup.mjs')], {
    // An empty cache: Kubernetes would have to be built.
    env: {
      PATH: `${programs}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      XDG_CACHE_HOME: join(folder, 'cache'),
      ...options.environment,
    },
    timeout: 30_000,
    encoding: 'utf8',
    cwd: '/',
  })
  return { code: result.status, said: result.stderr, wrote: readdirSync(folder) }
}

describe('what is missing is said in a sentence, and nothing is changed', () => {
  test.each([
    [
      'an old Go',
      { go: 'echo go version go1.19.8 linux/amd64' },
      /Go 1\.19 is too old\. Install Go 1\.21 or newer/,
    ],
    ['a Go that does not run', { go: 'exit 1' }, /Go does not run/],
    [
      'a Go that may not fetch the one it needs',
      { go: 'test "$1" = env && echo local || echo go version go1.21.0 linux/amd64' },
      /GOTOOLCHAIN=local keeps it from fetching a newer one/,
    ],
    ['no right to make namespaces', { unshare: 'exit 1' }, /does not let root make namespaces/],
  ])('%s', (_, programs, sentence) => {
    const { code, said, wrote } = setup({ programs })
    expect(said).toMatch(sentence)
    expect(said).toContain('Nothing was changed.')
    expect(code).toBe(6)
    expect(wrote).toEqual(['programs'])
  })

  test('another user than root', () => {
    const notRoot = 'data:text/javascript,process.getuid=()=>1000'
    const { code, said } = setup({ environment: { NODE_OPTIONS: `--import ${notRoot}` } })
    expect(said).toMatch(/must be run by root/)
    expect(code).toBe(6)
  })
})

describe('the count of a run', () => {
  const report = (files: unknown[]) => {
    const file = join(folder, 'report.json')
    writeFileSync(file, JSON.stringify({ testResults: files }))
    return file
  }
  const file = (status: string, ...tests: string[]) => ({
    name: `a ${status} file`,
    status,
    message: status === 'failed' ? 'Error: no import' : '',
    assertionResults: tests.map((each) => ({
      status: each,
      fullName: `a ${each} test`,
      failureMessages:
        each === 'failed'
          ? ['AssertionError: \u001B[31mexpected\u001B[39m 1\nto be 2\n    at file.ts:1']
          : [],
    })),
  })

  test('is what the report says', () => {
    const path = report([file('failed', 'passed', 'failed', 'pending'), file('passed', 'passed')])
    expect(countTests(path, 1)).toEqual({
      ...{ passed: 2, failed: 1, skipped: 1 },
      failures: ['a failed test: AssertionError: expected 1 to be 2'],
    })
  })

  test('has a failure for a file that could not be loaded', () => {
    expect(countTests(report([file('failed'), file('passed', 'passed')]), 1)).toMatchObject({
      ...{ passed: 1, failed: 1 },
      failures: ['a failed file: Error: no import'],
    })
  })

  test('has a failure for a file whose tests passed and whose hook failed', () => {
    expect(countTests(report([file('failed', 'passed')]), 1)).toMatchObject({ passed: 1, failed: 1 })
  })

  test('has a failure when no test ran, vitest crashed, or something was left behind', () => {
    expect(countTests(report([]), 0)).toMatchObject({ passed: 0, failed: 1 })
    expect(countTests(report([file('passed', 'skipped')]), 0)).toMatchObject({
      passed: 0,
      failed: 1,
      skipped: 1,
    })
    expect(countTests(join(folder, 'none.json'), 134)).toMatchObject({ passed: 0, failed: 1 })
    expect(countTests(report([file('passed', 'passed')]), 1)).toMatchObject({ passed: 1, failed: 1 })
  })

  test('sums what was recorded, each once, and counts what is missing as failed', () => {
    process.env['HAETAE_TEST_RESULTS'] = folder
    try {
      record('unit', { passed: 5, failed: 0, skipped: 1 })
      record('gate-lint', { passed: 0, failed: 1, skipped: 0 })
      record('unit', { passed: 6, failed: 0, skipped: 1 })
    } finally {
      delete process.env['HAETAE_TEST_RESULTS']
    }
    expect(sum(folder, ['unit', 'gate-lint', 'chaos'])).toEqual({
      ...{ passed: 6, failed: 2, skipped: 1 },
      missing: ['chaos'],
      failures: ['gate-lint: failed'],
    })
  })

  test.each([
    [{ passed: 2, failed: 0, skipped: 0 }, '2 passed, 0 failed\n', 0],
    [
      { passed: 2, failed: 1, skipped: 3, failures: ['a test'] },
      'FAILED unit: a test\n3 skipped\n2 passed, 1 failed\n',
      1,
    ],
    [{ passed: 0, failed: 0, skipped: 0 }, '0 passed, 0 failed\n', 1],
  ])('names what failed, and closes with one plain line and the exit code: %j', (count, line, code) => {
    writeFileSync(join(folder, 'unit.json'), JSON.stringify(count))
    const result = spawnSync(process.execPath, [join(checkout, 'bootstrap/count.mjs'), folder, 'unit'])
    expect(result.stdout.toString()).toBe(line)
    expect(result.status).toBe(code)
  })
})

test('progress tells the remaining time once it can, and never a negative one', () => {
  const progress = new Progress('a test')
  try {
    expect(progress.remaining()).toBeUndefined()
    progress.started -= 10_000
    progress.set(0.25)
    expect(Math.round((progress.remaining() ?? 0) / 1000)).toBe(30)
    progress.set(7)
    expect(progress.remaining()).toBe(0)
  } finally {
    progress.end()
  }
  expect(duration(365_000)).toBe('6 min 5 s')
})

test('the launcher says what to do in a checkout that is not installed', () => {
  const place = join(folder, 'checkout')
  mkdirSync(place)
  copyFileSync(join(checkout, 'haetae'), join(place, 'haetae'))
  const result = spawnSync(join(place, 'haetae'), ['system', 'list'], { encoding: 'utf8', cwd: '/' })
  expect(result.stderr).toMatch(/not installed in .* yet: run `npm run setup`/)
  expect(result.status).toBe(6)
})
