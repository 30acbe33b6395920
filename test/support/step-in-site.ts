import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { systemClock } from '#platform/clock.ts'
import { stepTypes } from '#steps/index.ts'
import { createTargets, type TargetsConfig, type TargetsParts } from '#steps/targets.ts'
import { acting } from './step-contexts.ts'

/*
 * Runs inside a site of the lab: one step, with the targets that the site's daemon has by its configuration.
 * `node step-in-site.ts CONFIG TYPE INPUT`; prints what it gave, and whether it holds, as JSON.
 */
const [configFile = '', name = '', given = '{}'] = process.argv.slice(2)
const config = parse(await readFile(configFile, 'utf8')) as {
  site: string
  kubernetes: { kubeconfig: string }
} & Pick<TargetsConfig, 'databases' | 'loadBalancer'>
const type = stepTypes.get(name)
if (type === undefined) throw new Error(`there is no step type ${name}`)
const { site, kubernetes, databases, loadBalancer } = config
const rest = { dns: { host: '', port: 53, zone: '' }, http: {}, services: [] }
// No step that is run so asks for these.
const targets = createTargets({ site, ...kubernetes, databases, loadBalancer, ...rest }, {
  authority: {},
  attestations: {},
  silence: {},
} as TargetsParts)
const input: unknown = type.input.parse(JSON.parse(given))
const ctx = { ...acting(targets, { signal: AbortSignal.timeout(60_000) }), clock: systemClock }
const output: unknown = await type.apply(ctx, input, await type.observe(ctx, input))
const judged = type.judge(input, await type.observe(ctx, input))
await targets.close()
process.stdout.write(JSON.stringify({ output, judged }))
