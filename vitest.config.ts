import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

interface Tier {
  include: string[]
  timeoutMs: number
  /** How many files run at once. Alone, vitest takes one fewer than there are cores: on two cores, one. */
  files: number
  needs?: ('postgres' | 'redis' | 'kubernetes' | 'lab')[]
}

const cores = availableParallelism()

/** One project a tier (docs/development.md). They run in this order, never two at once: timings stay honest. */
const tiers: Record<string, Tier> = {
  unit: {
    include: ['{src,commands,lab,bench,bootstrap}/**/*.test.ts', 'test/unit/**/*.test.ts'],
    timeoutMs: 60_000,
    files: cores,
  },
  sim: { include: ['test/sim/**/*.test.ts'], timeoutMs: 120_000, files: cores },
  store: {
    include: ['test/store/**/*.test.ts'],
    timeoutMs: 60_000,
    files: cores + 1, // They wait for servers and processes about as long as they compute.
    needs: ['postgres', 'redis'],
  },
  kube: {
    include: ['test/kube/**/*.test.ts'],
    timeoutMs: 120_000,
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
        maxWorkers: tier.files,
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
