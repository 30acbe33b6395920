import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// Every gate is shown to fail: a violation is planted in a copy, and the gate must name it. The control is the same
// gate on the copy without it.

const checkout = join(import.meta.dirname, '../..')
const configuration = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'oxlint.config.ts',
  '.prettierrc.json',
]
const others = ['.prettierignore', '.gitignore', 'knip.config.ts', 'bootstrap']
let folder = ''

/** A checkout with the gates and the given parts of the tree. */
function copy(...parts: string[]): string {
  const place = mkdtempSync(join(tmpdir(), 'haetae-gates-'))
  for (const part of [...configuration, ...others, ...parts]) {
    cpSync(join(checkout, part), join(place, part), { recursive: true })
  }
  symlinkSync(join(checkout, 'node_modules'), join(place, 'node_modules'))
  execFileSync('git', ['init', '-q', place])
  return place
}

function gate(name: string, place = folder): { passed: boolean; output: string } {
  const result = spawnSync(process.execPath, ['bootstrap/check.mjs', name], { cwd: place, encoding: 'utf8' })
  return { passed: result.status === 0, output: result.stdout + result.stderr }
}

/** The gate's word on the copy with these files in it; they are gone afterwards. */
function gateWith(name: string, files: Record<string, string>): { passed: boolean; output: string } {
  const paths = Object.keys(files).map((file) => join(folder, file))
  for (const path of paths) mkdirSync(dirname(path), { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
  try {
    return gate(name)
  } finally {
    for (const path of paths) rmSync(path)
  }
}

beforeAll(() => {
  folder = copy()
  mkdirSync(join(folder, 'src/engine/inner'), { recursive: true })
  writeFileSync(join(folder, 'src/engine/run.ts'), 'export const run = 1\n\nexport type Run = number\n')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each(['format', 'lint', 'types', 'hygiene'])('%s passes where nothing is wrong', (name) => {
  expect(gate(name)).toMatchObject({ passed: true })
})

const upward = {
  'src/plan/alias.ts': `import { run } from '#engine/run.ts'\n\nexport const a = run\n`,
  'src/plan/relative.ts': `import { run } from '../engine/run.ts'\n\nexport const a = run\n`,
  'src/plan/inner/relative.ts': `import { run } from '../../engine/run.ts'\n\nexport const a = run\n`,
  'src/plan/roundabout.ts': `import { run } from '../../src/engine/run.ts'\n\nexport const a = run\n`,
  'src/plan/type.ts': `import type { Run } from '#engine/run.ts'\n\nexport type A = Run\n`,
  'src/plan/type-in-place.ts': `export type A = import('#engine/run.ts').Run\n`,
  'src/plan/re-export.ts': `export { run } from '#engine/run.ts'\n`,
  'src/plan/dynamic.ts': `export const a = await import('#engine/run.ts')\n`,
}
const sideways = {
  'src/monitor/other-room-of-the-layer.ts': `import { a } from '#backup/a.ts'\n\nexport const b = a\n`,
  'src/daemon/lab.ts': `import { a } from '../../lab/a.ts'\n\nexport const b = a\n`,
  'src/daemon/command.ts': `import { a } from '../../commands/a.ts'\n\nexport const b = a\n`,
  'src/daemon/client.ts': `import { a } from '#client/a.ts'\n\nexport const b = a\n`,
  'src/client/code.ts': `import { run } from '#engine/run.ts'\n\nexport const a = run\n`,
  'commands/run/code.ts': `import { run } from '#engine/run.ts'\n\nexport const a = run\n`,
  'commands/run/heavy.ts': `import { z } from 'zod'\n\nexport const a = z\n`,
}

test('lint refuses an import upward, in whatever form', () => {
  const { passed, output } = gateWith('lint', upward)
  expect(passed).toBe(false)
  for (const file of Object.keys(upward)) expect(output).toContain(file)
})

test('lint refuses an import between rooms of one layer, of what is beside src, and of heavy code into the CLI', () => {
  const { passed, output } = gateWith('lint', sideways)
  expect(passed).toBe(false)
  for (const file of Object.keys(sideways)) expect(output).toContain(file)
})

test('lint allows an import downward, and types in the CLI', () => {
  const allowed = {
    'src/steps/downward.ts': `import { run } from '#engine/run.ts'\n\nexport const a = run\n`,
    'src/client/type.ts': `import type { Run } from '#engine/run.ts'\n\nexport type A = Run\n`,
  }
  expect(gateWith('lint', allowed)).toMatchObject({ passed: true })
})

test('lint refuses a floating promise, any, an unused variable, a default export, an incomplete switch', () => {
  const { passed, output } = gateWith('lint', {
    'src/model/promise.ts': `async function f(): Promise<void> {}\n\nf()\n`,
    'src/model/any.ts': `export const a = (value: any): unknown => value\n`,
    'src/model/unused.ts': `const a = 1\n`,
    'src/model/default.ts': `export default 1\n`,
    'src/model/switch.ts': `export function f(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a':\n  }\n}\n`,
    'src/model/focus.test.ts': `import { test } from 'vitest'\n\ntest.${'only'}('a', () => {})\n`,
  })
  expect(passed).toBe(false)
  const rules = ['no-floating-promises', 'no-explicit-any', 'no-unused-vars', 'no-default-export']
  for (const rule of [...rules, 'switch-exhaustiveness-check', 'no-focused-tests'])
    expect(output).toContain(rule)
})

test('types refuses a wrong type, also in the bootstrap, and what type stripping cannot run', () => {
  const { passed, output } = gateWith('types', {
    'src/model/planted.ts': `export const a: number = 'text'\n`,
    'bootstrap/planted.mjs': `/** @type {number} */\nexport const a = 'text'\n`,
    'src/model/enum.ts': `export enum A {\n  B,\n}\n`,
  })
  expect(passed).toBe(false)
  for (const file of ['src/model/planted.ts', 'bootstrap/planted.mjs', 'src/model/enum.ts']) {
    expect(output).toContain(file)
  }
})

test('format refuses a file that prettier would write otherwise', () => {
  const { passed, output } = gateWith('format', { 'src/model/planted.ts': `export const a = "x";\n` })
  expect(passed).toBe(false)
  expect(output).toContain('src/model/planted.ts')
})

test('hygiene refuses a path of one machine, a focused test and a merge conflict', () => {
  const { passed, output } = gateWith('hygiene', {
    'docs/planted.md': `See ${'/ro'}ot/somewhere.\n`,
    'test/planted.test.ts': `test.${'only'}('a', () => {})\n`,
    'src/model/planted.ts': `${'<'.repeat(7)} HEAD\n`,
  })
  expect(passed).toBe(false)
  for (const file of ['docs/planted.md', 'test/planted.test.ts', 'src/model/planted.ts']) {
    expect(output).toContain(`${file}:1`)
  }
})

describe('on a copy of the whole tree', () => {
  const parts = ['bin', 'commands', 'src', 'lab', 'test', 'docs', 'schemas', 'runbooks', 'estate']
  let whole = ''
  beforeAll(() => {
    whole = copy(...parts, 'README.md', 'CHANGELOG.md', 'vitest.config.ts')
  })
  afterAll(() => rmSync(whole, { recursive: true, force: true }))

  test('unused refuses a file and an export that nothing uses', () => {
    writeFileSync(join(whole, 'src/model/planted.ts'), 'export const nobodyTakesThis = 1\n')
    const time = join(whole, 'src/model/time.ts')
    writeFileSync(time, `${readFileSync(time, 'utf8')}\nexport const nobodyTakesThat = 1\n`)
    const { passed, output } = gate('unused', whole)
    expect(passed).toBe(false)
    expect(output).toContain('src/model/planted.ts')
    expect(output).toContain('nobodyTakesThat')
  })

  test('docs refuses a page that lacks an error of the code, and one that has an error too many', () => {
    spawnSync(process.execPath, ['docs/generate/main.ts'], { cwd: whole })
    expect(gate('docs', whole).output).not.toContain('does not equal the code')
    const page = join(whole, 'docs/errors.md')
    const right = readFileSync(page, 'utf8')
    writeFileSync(page, right.replace('## `defect`', '## `no-such-code`'))
    expect(gate('docs', whole).output).toContain('docs/errors.md')
    writeFileSync(page, right)
    const catalogue = join(whole, 'src/model/error-catalogue.ts')
    const code = readFileSync(catalogue, 'utf8')
    const planted = `'planted-code': { status: 500, exit: 1, ko: '가', en: 'a', remedy: 'Do b.' },`
    writeFileSync(catalogue, code.replace('\n  defect: {', `\n  ${planted}\n  defect: {`))
    expect(gate('docs', whole).output).toContain('docs/errors.md')
    writeFileSync(catalogue, code)
  })

  test('docs refuses a link to nowhere, and a page that the index leaves out', () => {
    writeFileSync(join(whole, 'docs/planted.md'), 'See [this](nowhere.md).\n')
    const { passed, output } = gate('docs', whole)
    expect(passed).toBe(false)
    expect(output).toContain('docs/planted.md: links to docs/nowhere.md')
    expect(output).toContain('docs/planted.md: not listed')
  })
})
