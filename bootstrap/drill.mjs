// npm run drill: prepares the machine, then loses a data center in the lab and recovers it (lab/drill/drill.ts).
import { handOver, runMain } from './child.mjs'
import { checkout, packagedNode, toolEnvironment } from './place.mjs'
import { prepare } from './prepare.mjs'

runMain(async () => {
  await prepare({ lab: true })
  return handOver(packagedNode, ['lab/drill/drill.ts', ...process.argv.slice(2)], {
    cwd: checkout,
    env: toolEnvironment(),
  })
})
