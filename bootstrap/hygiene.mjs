// The gate `hygiene`: things that must not be in a committed file. Prints each as FILE:LINE and ends with 1.
import { execFileSync } from 'node:child_process'
import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from './place.mjs'

/** Written so that this file does not contain what it looks for. */
const forbidden = [
  {
    what: 'a path of one machine',
    pattern: new RegExp(`(?:^|[\\s"'\`(=:])/(?:${['root', 'work', 'home/\\w+'].join('|')})/\\w`),
  },
  { what: 'a focused test', pattern: new RegExp(`\\b(?:test|it|describe)\\.${'only'}\\b`) },
  { what: 'a merge conflict', pattern: new RegExp(`^(?:${'<'.repeat(7)}|${'>'.repeat(7)}) `) },
]
const skipped = /(?:^package-lock\.json$|^lab\/kubernetes\/|\.(?:png|woff2?|gz)$)/

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: checkout,
  encoding: 'utf8',
})
let found = 0
for (const file of files.split('\n')) {
  const path = join(checkout, file)
  // A link is checked where it points; a file of the index may be deleted.
  if (file === '' || skipped.test(file) || lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    continue
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      for (const { what, pattern } of forbidden) {
        if (!pattern.test(line)) continue
        console.log(`${file}:${index + 1}: ${what}: ${line.trim().slice(0, 120)}`)
        found += 1
      }
    })
}
process.exitCode = found > 0 ? 1 : 0
