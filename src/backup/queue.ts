import { Queue, Worker, type Job } from 'bullmq'
import { Redis } from 'ioredis'
import type { Slot } from '#schedule/slots.ts'

export type RedisAddress = { path: string; db?: number } | { url: string }

export interface BackupQueueOptions {
  redis: RedisAddress
  /** Jobs at once at this site. */
  concurrency: number
  work: (slotId: string) => Promise<unknown>
  /** A word about the connection or a job that failed by a defect; called once a change, not once a try. */
  onTrouble: (why: string | undefined) => void
}

export interface BackupQueue {
  /**
   * Dispatches slots; what is dispatched already is left alone. Rejects when Redis does not take them in time, and
   * with no slots when it does not answer: that it is away is known before something is due.
   */
  dispatch(slots: readonly Slot[]): Promise<void>
  /** True when Redis answers. */
  connected(): boolean
  /** Takes no more jobs, waits for those at work, lets go of Redis. */
  close(): Promise<void>
}

const queueName = 'haetae-backup'

/**
 * BullMQ as a dispatcher: a job carries a slot's id and nothing else, and whoever gets it claims the slot in PostgreSQL
 * before anything happens. So Redis may be emptied, restarted, or deliver twice.
 */
export function backupQueue(options: BackupQueueOptions): BackupQueue {
  // A producer must fail at once when Redis is away; a worker must wait for it.
  let closing = false
  const retryStrategy = (tries: number): number | null =>
    closing ? null : Math.min(100 * 2 ** Math.min(tries, 6), 2_000)
  const producing = connect(options.redis, {
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    retryStrategy,
  })
  const consuming = connect(options.redis, { maxRetriesPerRequest: null, retryStrategy })
  const queue = new Queue<{ slot: string }>(queueName, { connection: producing })
  const worker = new Worker<{ slot: string }>(
    queueName,
    (job: Job<{ slot: string }>) => options.work(job.data.slot),
    {
      connection: consuming,
      concurrency: options.concurrency,
      // A job that repeats after a crash is harmless: its slot is claimed or done.
      lockDuration: 30_000,
      stalledInterval: 15_000,
      maxStalledCount: 3,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  )
  let trouble: string | undefined
  const tell = (why: string | undefined): void => {
    if (why === trouble) return
    trouble = why
    options.onTrouble(why)
  }
  producing.on('ready', () => tell(undefined))
  const onError = (error: Error): void => tell(error.message === '' ? error.name : error.message)
  producing.on('error', onError)
  consuming.on('error', onError)
  queue.on('error', onError)
  worker.on('error', onError)
  return {
    connected: () => producing.status === 'ready',
    async dispatch(slots) {
      if (producing.status !== 'ready') throw new Error(`Redis is ${producing.status}`)
      if (slots.length === 0) return void (await inTime(producing.ping(), 3_000))
      const jobs = slots.map((slot) => ({
        name: 'backup',
        data: { slot: slot.id },
        // The attempt is in the id: a slot that was given back is a new job, the same dispatch twice is one.
        opts: { jobId: `slot-${slot.id}-try-${slot.attempts + 1}` },
      }))
      await inTime(queue.addBulk(jobs), 3_000)
    },
    async close() {
      // Without Redis, BullMQ's close waits for a connection for ever: its reconnecting has to be given up first.
      closing = true
      const gone = consuming.status !== 'ready'
      if (gone) consuming.disconnect()
      await inTime(worker.close(gone), 8_000).catch(() => undefined)
      await inTime(queue.close(), 2_000).catch(() => undefined)
      producing.disconnect()
      consuming.disconnect()
    },
  }
}

interface Patience {
  maxRetriesPerRequest: number | null
  enableOfflineQueue?: boolean
  retryStrategy: (tries: number) => number | null
}

function connect(address: RedisAddress, patience: Patience): Redis {
  return 'url' in address ? new Redis(address.url, patience) : new Redis({ ...address, ...patience })
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error(`Redis did not answer within ${ms} ms`)), ms)
  })
  // The loser may still reject later; that is nobody's business any more.
  work.catch(() => undefined)
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
