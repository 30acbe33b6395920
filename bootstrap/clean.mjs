// node bootstrap/clean.mjs [INSTANCE…]: takes down every lab on this machine that is not named: .ci/run names those that
// were there before it, so that what its tests left when they were ended with force is removed, and nothing else.
import { existsSync, readdirSync } from 'node:fs'
import { handOver, runMain } from './child.mjs'
import { checkout, packagedNode, toolEnvironment } from './place.mjs'
import { say } from './say.mjs'

const labs = '/var/lib/haetae'
const program = `
const { down } = await import('./lab/down.ts')
const { instanceOf } = await import('./lab/instance.ts')
for (const name of process.argv.slice(1)) await down(instanceOf(name))
`

runMain(async () => {
  const kept = process.argv.slice(2)
  const left = existsSync(labs) ? readdirSync(labs).filter((name) => !kept.includes(name)) : []
  if (left.length === 0) return 0
  say(`Labs that the tests left: ${left.join(', ')}; taking them down.`)
  return handOver(packagedNode, ['--input-type=module', '--eval', program, ...left], {
    cwd: checkout,
    env: toolEnvironment(),
  })
})
