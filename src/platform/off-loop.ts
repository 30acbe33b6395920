import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { fromProblem, HaetaeError, isHaetaeError, messageOf, type Problem } from '#model/errors.ts'

/*
 * Work that would block the event loop, in one thread beside it, one call after the other. The loop that renews terms
 * pays for taking the answer over, and for nothing else.
 */

export interface OffLoopOptions {
  /** A module that calls `answerOffLoop`. */
  module: URL
  /** Handed to each thread that is started, as a structured clone. */
  data: unknown
  /** What is computed, in the words of an error: `a plan`. */
  what: string
  /** A call that takes longer is ended, with its thread. */
  withinMs: number
  /** Heap of the thread. One that needs more is ended. */
  memoryMb: number
  /** Calls that may wait or be under way at once. */
  callsAtMost: number
}

/** One thread. It is started at once, and again for the next call after it was lost. */
export class OffLoop<Request, Reply> {
  readonly #options: OffLoopOptions
  #worker: Worker | undefined
  #calls = 0
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: OffLoopOptions) {
    this.#options = options
    this.#worker = this.#start()
  }

  /**
   * Throws the HaetaeError that the work threw, and `work-failed` when there are too many calls, or the thread was lost,
   * needed too much time or memory.
   */
  async call(request: Request): Promise<Reply> {
    const { callsAtMost } = this.#options
    if (this.#calls >= callsAtMost) throw this.#failed(`${callsAtMost} others are asked for already`)
    this.#calls += 1
    const turn = this.#last.then(() => this.#ask(request))
    this.#last = turn.catch(() => {})
    return turn.finally(() => (this.#calls -= 1))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#worker?.terminate()
  }

  async #ask(request: Request): Promise<Reply> {
    if (this.#closed) throw this.#failed('the daemon stops')
    const worker = (this.#worker ??= this.#start())
    const over = new AbortController()
    try {
      const { signal } = over
      worker.postMessage(request)
      const answered = once(worker, 'message', { signal }) as Promise<[Answer<Reply>]>
      const exited = once(worker, 'exit', { signal }).then(([code]) => `its thread ended with code ${code}`)
      const late = sleep(this.#options.withinMs, undefined, { signal }).then(
        () => `it took longer than ${this.#options.withinMs / 1000} s`,
      )
      const first = await Promise.race([answered, exited, late])
      if (typeof first === 'string') throw new Error(first)
      return valueOf(first[0])
    } catch (error) {
      if (isHaetaeError(error)) throw error
      this.#drop(worker)
      throw this.#failed(this.#closed ? 'the daemon stops' : messageOf(error))
    } finally {
      over.abort()
    }
  }

  #start(): Worker {
    const { module, data, memoryMb } = this.#options
    const worker = new Worker(module, {
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    })
    // A thread may be lost between two calls: the next one starts another.
    worker.on('error', () => this.#drop(worker))
    worker.on('exit', () => this.#drop(worker))
    return worker
  }

  #drop(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined
    void worker.terminate()
  }

  #failed(why: string): HaetaeError {
    return new HaetaeError('work-failed', this.#options.what, { why })
  }
}

type Answer<Reply> = { value: Reply } | { problem: Problem }

function valueOf<Reply>(answer: Answer<Reply>): Reply {
  if ('value' in answer) return answer.value
  throw fromProblem(answer.problem)
}

/**
 * The other side: answers calls in the thread. `prepare` is given the data once. What it or the work throws and is no
 * HaetaeError ends the thread.
 */
export function answerOffLoop<Data, Request, Reply>(
  prepare: (data: Data) => (request: Request) => Reply,
): void {
  const port = parentPort
  if (port === null) throw new Error('this module is for a thread beside the event loop')
  const work = prepare(workerData as Data)
  port.on('message', (request: Request) => port.postMessage(answerOf(() => work(request))))
}

function answerOf<Reply>(work: () => Reply): Answer<Reply> {
  try {
    return { value: work() }
  } catch (error) {
    if (isHaetaeError(error)) return { problem: error.toProblem() }
    throw error
  }
}
