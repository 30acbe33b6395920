// node bootstrap/tool.mjs TOOL [ARG…]: runs a tool of node_modules/.bin on the packaged Node, installed first if need be.
import { handOver, runMain } from './child.mjs'
import { checkout, toolEnvironment } from './place.mjs'
import { prepare } from './prepare.mjs'
import { Stop } from './say.mjs'

runMain(async () => {
  const [tool, ...args] = process.argv.slice(2)
  if (tool === undefined) throw new Stop('Name a tool: node bootstrap/tool.mjs TOOL [ARG…]', 2)
  await prepare({ lab: false })
  return handOver(tool, args, { cwd: checkout, env: toolEnvironment() })
})
