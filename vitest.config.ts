import { defineConfig } from 'vitest/config'

/** One project a tier; `npm run test:fast` runs unit and sim. */
function tier(name: string, include: string[], timeoutMs: number, parallel: boolean) {
  return {
    extends: true as const,
    test: { name, include, testTimeout: timeoutMs, hookTimeout: timeoutMs, fileParallelism: parallel },
  }
}

export default defineConfig({
  test: {
    passWithNoTests: false,
    projects: [
      tier('unit', ['{src,commands,lab}/**/*.test.ts', 'test/unit/**/*.test.ts'], 20_000, true),
      tier('sim', ['test/sim/**/*.test.ts'], 120_000, true),
      tier('store', ['test/store/**/*.test.ts'], 60_000, true),
      tier('kube', ['test/kube/**/*.test.ts'], 120_000, false),
      tier('lab', ['test/lab/**/*.test.ts'], 900_000, false),
      tier('chaos', ['test/chaos/**/*.test.ts'], 900_000, false),
    ],
  },
})
