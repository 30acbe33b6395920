import cron from 'node-cron'
import { messageOf } from '#model/errors.ts'

/**
 * Calls `work` at a fixed pace until the returned function is called and the last call has ended. A call that takes
 * longer than the pace is not overtaken. UTC, because a clock change would skip or double a time.
 */
export function tick(
  name: string,
  everySeconds: 1 | 5 | 10 | 15 | 30,
  work: () => Promise<void>,
  failed: (why: string) => void,
): () => Promise<void> {
  let running: Promise<void> = Promise.resolve()
  const once = (): Promise<void> =>
    (running = work().catch((error: unknown) => {
      failed(messageOf(error))
    }))
  const task = cron.schedule(`*/${everySeconds} * * * * *`, once, { noOverlap: true, timezone: 'UTC', name })
  return async () => {
    await task.destroy()
    await running
  }
}
