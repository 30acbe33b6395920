// node bootstrap/count.mjs FOLDER PART…: the closing line of .ci/run. A part that recorded nothing failed.
import { sum } from './results.mjs'

const [folder = '', ...expected] = process.argv.slice(2)
const { passed, failed, skipped, missing, failures } = sum(folder, expected)
// The log is long, and where it is shortened its end is kept.
for (const failure of failures) console.log(`FAILED ${failure}`)
if (missing.length > 0) console.log(`no result, so counted as failed: ${missing.join(', ')}`)
// What this machine could not run is told, and the last line stays plain.
if (skipped > 0) console.log(`${skipped} skipped`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
