// npm run check [-- GATE…]: the gates that need no running part: formatting, lint with the layers, types, unused code,
// documents in step with the code, hygiene. `npm run fix` repairs what can be repaired by itself.
import { runChild, runMain, stopIfInterrupted } from './child.mjs'
import { checkout, toolEnvironment } from './place.mjs'
import { prepare } from './prepare.mjs'
import { record } from './results.mjs'
import { duration, say, Stop } from './say.mjs'

/** @type {Record<string, {what: string, command: string[]}>} */
const gates = {
  format: {
    what: 'every file is formatted by prettier',
    command: ['prettier', '--check', '--log-level=warn', '.'],
  },
  lint: { what: 'oxlint with types; among its rules the layers', command: ['oxlint', '--deny-warnings'] },
  types: { what: 'TypeScript', command: ['tsc', '--project', '.', '--noEmit'] },
  unused: { what: 'no unused file, export or dependency', command: ['knip', '--no-progress'] },
  docs: { what: 'generated documents equal the code', command: ['node', 'docs/generate/main.ts', '--check'] },
  hygiene: { what: 'no path of one machine, no focused test', command: ['node', 'bootstrap/hygiene.mjs'] },
}

runMain(async () => {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(gates)
  const unknown = names.filter((name) => !(name in gates))
  if (unknown.length > 0)
    throw new Stop(
      `There is no gate ${unknown.join(', ')}. Name one of: ${Object.keys(gates).join(', ')}.`,
      2,
    )
  await prepare({ lab: false })
  let failed = 0
  for (const name of names) {
    stopIfInterrupted('Stopped as asked.')
    const gate = /** @type {{what: string, command: string[]}} */ (gates[name])
    const [command, ...args] = gate.command
    const started = Date.now()
    const { code, output } = await runChild(/** @type {string} */ (command), args, {
      cwd: checkout,
      env: toolEnvironment(),
    })
    if (code !== 0) say(output.trimEnd())
    say(`${code === 0 ? 'ok  ' : 'FAIL'} ${name}: ${gate.what} (${duration(Date.now() - started)})`)
    if (code !== 0) failed += 1
    record(`gate-${name}`, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 })
  }
  return failed > 0 ? 1 : 0
})
