// npm run kubernetes: builds only the multi-call binary of the lab, and prints its path.
import { buildKubernetes } from './kubernetes.mjs'
import { runMain } from './say.mjs'

runMain(async () => {
  console.log(await buildKubernetes())
  return 0
})
