// node bootstrap/clean.mjs: takes down the lab of the tests, whatever state it is in. No lab is no error.
import { handOver, runMain } from './child.mjs'
import { checkout, packagedNode, toolEnvironment } from './place.mjs'

const program = `
const { down } = await import('./lab/down.ts')
const { testInstance } = await import('./test/support/test-lab.ts')
await down(testInstance())
`

runMain(() =>
  handOver(packagedNode, ['--input-type=module', '--eval', program], {
    cwd: checkout,
    env: toolEnvironment(),
  }),
)
