import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { submitForever, type Reached } from './citizen.ts'
import { Names } from './names.ts'
import { RecordWriter } from './record.ts'

/** What the citizens' process is told, as JSON in the file that its only argument names. */
export interface CitizensConfig {
  systems: Reached[]
  nameServers: string[]
  caFile: string
  recordFile: string
  /** Transactions a second to each system. */
  perSecond: number
  /** They go home after this time, whatever happens. */
  maxMs: number
}

/** Runs until SIGTERM, SIGINT or the configured time; the record ends with a line that says which. */
async function main(configFile: string): Promise<void> {
  const config = JSON.parse(readFileSync(configFile, 'utf8')) as CitizensConfig
  const record = await RecordWriter.open(config.recordFile)
  const stop = new AbortController()
  let why = `they were to end after ${config.maxMs / 1000} s`
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      why = `they were told to end by ${signal}`
      stop.abort()
    })
  }
  const timer = setTimeout(() => stop.abort(), config.maxMs)
  const names = new Names(config.nameServers)
  const ca = readFileSync(config.caFile, 'utf8')
  const prefix = Date.now().toString(36)
  const ids = config.systems.map(({ id }) => id)
  await record.write({ kind: 'began', at: Date.now(), systems: ids, perSecond: config.perSecond })
  await Promise.all(
    config.systems.map(async (system, index) => {
      // Spread over the second: twelve requests at once would queue for two cores.
      await sleep((index * 1000) / config.perSecond / config.systems.length)
      await submitForever({
        system,
        names,
        ca,
        perSecond: config.perSecond,
        record,
        prefix,
        signal: stop.signal,
      })
    }),
  )
  clearTimeout(timer)
  await record.write({ kind: 'ended', at: Date.now(), why })
  await record.close()
}

const configFile = process.argv[2]
if (configFile === undefined) {
  console.error('usage: node lab/citizens/main.ts CONFIG.json')
  process.exit(2)
}
await main(configFile)
