// npm run chaos: prepares the machine, then plays rounds of chaos by ranges of seeds (test/chaos/main.ts).
import { handOver, runMain } from './child.mjs'
import { checkout, packagedNode, toolEnvironment } from './place.mjs'
import { prepare } from './prepare.mjs'

runMain(async () => {
  await prepare({ lab: true })
  return handOver(packagedNode, ['test/chaos/main.ts', ...process.argv.slice(2)], {
    cwd: checkout,
    env: toolEnvironment(),
  })
})
