import { setTimeout as sleep } from 'node:timers/promises'
import { HaetaeError } from '#model/errors.ts'
import { hold, holderOf } from '#platform/hold.ts'
import { clean } from './clean.ts'
import { instanceOf, type Instance } from './instance.ts'

/** What `down` did. */
export interface LabIsDown {
  instance: string
  elapsedMs: number
}

/**
 * Takes a lab down, whatever state it is in, and leaves nothing of it. No lab is not an error.
 *
 * @throws HaetaeError `lab-command-failed` that names what could not be removed.
 */
export async function down(instance: Instance = instanceOf()): Promise<LabIsDown> {
  const began = Date.now()
  await endHolder(instance)
  const release = await hold(instance.lock)
  try {
    await clean(instance)
  } finally {
    await release()
  }
  return { instance: instance.name, elapsedMs: Date.now() - began }
}

/** Asks the process that holds the lab to end, and ends it when it does not. */
async function endHolder(instance: Instance): Promise<void> {
  const deadline = Date.now() + 15_000
  let last: number | undefined
  for (
    let holder = await holderOf(instance.lock);
    holder !== undefined;
    holder = await holderOf(instance.lock)
  ) {
    const late = Date.now() > deadline - 5000
    if (holder.pid === process.pid || Date.now() > deadline) {
      throw new HaetaeError('already-held', `the lab ${instance.name}`, {
        why: `process ${holder.pid} holds it`,
      })
    }
    if (holder.pid !== last || late) process.kill(holder.pid, late ? 'SIGKILL' : 'SIGTERM')
    last = holder.pid
    await sleep(30)
  }
}
