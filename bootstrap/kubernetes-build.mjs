// npm run kubernetes: builds only the multi-call binary of the lab, and prints its path.
import { runMain } from './child.mjs'
import { buildKubernetes } from './kubernetes.mjs'

runMain(async () => {
  console.log(await buildKubernetes())
  return 0
})
