import { defineConfig } from 'vitest/config'

interface Tier {
  include: string[]
  timeoutMs: number
  /** Files of a tier that shares one control plane or one lab run one after the other. */
  parallel: boolean
  needs?: ('postgres' | 'redis' | 'lab')[]
}

/** One project a tier (docs/development.md). They run in this order, never two at once: timings stay honest. */
const tiers: Record<string, Tier> = {
  unit: {
    include: ['{src,commands,lab,bench,bootstrap}/**/*.test.ts', 'test/unit/**/*.test.ts'],
    timeoutMs: 60_000,
    parallel: true,
  },
  sim: { include: ['test/sim/**/*.test.ts'], timeoutMs: 120_000, parallel: true },
  store: {
    include: ['test/store/**/*.test.ts'],
    timeoutMs: 60_000,
    parallel: true,
    needs: ['postgres', 'redis'],
  },
  kube: { include: ['test/kube/**/*.test.ts'], timeoutMs: 120_000, parallel: false, needs: ['postgres'] },
  lab: { include: ['test/lab/**/*.test.ts'], timeoutMs: 900_000, parallel: false, needs: ['lab'] },
  chaos: { include: ['test/chaos/**/*.test.ts'], timeoutMs: 900_000, parallel: false, needs: ['lab'] },
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
        fileParallelism: tier.parallel,
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
