// node bootstrap/clean.mjs: takes down the lab of this checkout's tests, when they were ended with force. No other lab.
import { handOver, runMain } from './child.mjs'
import { checkout, packagedNode, toolEnvironment } from './place.mjs'

const program = `
const { down } = await import('./lab/down.ts')
const { testInstance } = await import('./test/support/test-lab.ts')
await down(testInstance())
`

runMain(async () =>
  handOver(packagedNode, ['--input-type=module', '--eval', program], {
    cwd: checkout,
    env: toolEnvironment(),
  }),
)
