// npm run setup: installs and builds all that the lab and the tests need, and runs nothing.
import { runMain } from './child.mjs'
import { prepare } from './prepare.mjs'
import { say } from './say.mjs'

runMain(async () => {
  await prepare({ lab: true })
  say('Ready: `npm run drill` loses a data center and recovers it, `npm test` runs the tests.')
  return 0
})
