import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

interface Tier {
  include: string[]
  timeoutMs: number
  /** How many files run at once. Alone, vitest takes one fewer than there are cores: on two cores, one. */
  files: number
  /** Files that hold nothing between them may share their workers: modules are loaded once a worker. */
  shared?: boolean
  needs?: ('postgres' | 'redis' | 'kubernetes' | 'lab')[]
}

const cores = availableParallelism()

/** One project a tier (docs/development.md). They run in this order, never two at once: timings stay honest. */
const tiers: Record<string, Tier> = {
  unit: {
    include: ['{src,commands,lab,bench,bootstrap}/**/*.test.ts', 'test/unit/**/*.test.ts'],
    timeoutMs: 60_000,
    files: cores,
    shared: true,
  },
  sim: { include: ['test/sim/**/*.test.ts'], timeoutMs: 120_000, files: cores, shared: true },
  store: {
    include: ['test/store/**/*.test.ts'],
    timeoutMs: 180_000,
    files: cores + 1, // They wait for servers and processes about as long as they compute.
    needs: ['postgres', 'redis'],
  },
  kube: {
    include: ['test/kube/**/*.test.ts'],
    timeoutMs: 180_000,
    files: cores + 1,
    needs: ['postgres', 'kubernetes'],
  },
  // They share one lab.
  lab: { include: ['test/lab/**/*.test.ts'], timeoutMs: 900_000, files: 1, needs: ['lab'] },
  chaos: { include: ['test/chaos/**/*.test.ts'], timeoutMs: 900_000, files: 1, needs: ['lab'] },
}

export default defineConfig({
  test: {
    passWithNoTests: false,
    projects: Object.entries(tiers).map(([name, tier], order) => ({
      extends: true as const,
      test: {
        name,
        include: tier.include,
        testTimeout: tier.timeoutMs,
        hookTimeout: tier.timeoutMs,
        // What is waited for comes at once or never; only on a busy machine it takes long.
        expect: { poll: { timeout: 60_000 } },
        maxWorkers: tier.files,
        isolate: tier.shared !== true,
        sequence: { groupOrder: order },
        // The teardowns run in reverse: servers stop first, then the search for what is left.
        globalSetup: [
          './test/support/leftovers-setup.ts',
          ...(tier.needs ?? []).map((need) => `./test/support/${need}-setup.ts`),
        ],
      },
    })),
  },
})
