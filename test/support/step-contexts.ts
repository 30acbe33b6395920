import { systemClock } from '#platform/clock.ts'
import type { LastTry } from '#runbook/step-type.ts'
import type { Act, Read, Targets } from '#steps/targets.ts'

/** Targets of which only some are real in a test; touching another is a mistake of the test and says so. */
export function someTargets(real: {
  readers?: Partial<Targets['readers']>
  writers?: Partial<Targets['writers']>
}): Pick<Targets, 'readers' | 'writers'> {
  return {
    readers: guarded<Targets['readers']>({ site: 'gwangju', ...real.readers }),
    writers: guarded<Targets['writers']>({ ...real.writers }),
  }
}

function guarded<T extends object>(parts: Partial<T>): T {
  return new Proxy(parts, {
    get(target, name) {
      if (!(name in target)) throw new Error(`this test gave no ${String(name)}`)
      return Reflect.get(target, name) as unknown
    },
  }) as T
}

export interface ContextOptions {
  runId?: string
  nodeId?: string
  epoch?: number
  lastTry?: LastTry
  signal?: AbortSignal
}

/** As planning sees the world: readers, no run. */
export function planning(targets: Pick<Targets, 'readers'>, signal = new AbortController().signal): Read {
  return {
    readers: targets.readers,
    clock: systemClock,
    signal,
    runId: undefined,
    key: undefined,
    lastTry: 'none',
  }
}

/** As a node of a run sees it. What it says on the way is in `said`. */
export function acting(
  targets: Pick<Targets, 'readers' | 'writers'>,
  options: ContextOptions = {},
): Act & { said: string[] } {
  const { runId = 'run-1', nodeId = 'GPK/step', epoch, lastTry = 'none' } = options
  const { signal = new AbortController().signal } = options
  const said: string[] = []
  return {
    readers: targets.readers,
    writers: targets.writers,
    clock: systemClock,
    signal,
    runId,
    nodeId,
    key: `${runId}/${nodeId}`,
    lastTry,
    epoch,
    progress: (message) => said.push(message),
    said,
  }
}
