import { loadConfig } from './config.ts'
import { startDaemon } from './start.ts'

/**
 * Runs the daemon until SIGTERM or SIGINT, then stops it in order; a second signal ends it at once, as kill -9 would.
 * Throws what `loadConfig` and `startDaemon` throw. Resolves after an orderly stop.
 */
export async function runDaemon(configFile: string | undefined): Promise<void> {
  const stopAsked = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        resolve(signal)
        process.once(signal, () => process.exit(130))
      })
    }
  })
  const daemon = await startDaemon(loadConfig(configFile))
  const signal = await stopAsked
  daemon.log.info({ signal }, 'the daemon stops')
  await daemon.stop()
}
