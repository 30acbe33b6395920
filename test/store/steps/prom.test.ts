import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prometheusClient } from '#platform/prometheus/client.ts'
import { Unreachable } from '#runbook/step-type.ts'
import { answering } from '#steps/answering.ts'
import { promAssert } from '#steps/prom-assert.ts'
import { conditionInput } from '#steps/prom-condition.ts'
import { promWait } from '#steps/prom-wait.ts'
import { startPrometheus, type TestPrometheus } from '../../support/prometheus.ts'
import { silentServerForFile } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, planning, someTargets } from '../../support/step-contexts.ts'

let prometheus: TestPrometheus
const silent = silentServerForFile()
const never = new AbortController().signal

beforeAll(async () => {
  prometheus = await startPrometheus()
})
afterAll(async () => {
  await prometheus?.stop()
})

function targetsAt(url: string) {
  return someTargets({ readers: { prometheus: answering(prometheusClient({ url })) } })
}
const targets = () => targetsAt(prometheus.url)

/** Sets the gauge, and goes on once Prometheus has measured it. */
async function gauge(value: number): Promise<void> {
  prometheus.gauge(value)
  const client = prometheusClient({ url: prometheus.url })
  await expect.poll(async () => (await client.vector('gate', never))[0]?.value).toBe(value)
}

const subject = async () => {
  await gauge(1)
  return {
    input: conditionInput.parse({ query: 'gate == 1' }),
    targets: targets(),
    written: () => prometheus.otherRequests(),
    silent: targetsAt(`http://127.0.0.1:${silent.port}`),
    output: (output: unknown) => expect(output).toEqual({ series: 1, value: 1 }),
  }
}

describe('prom.assert', () => {
  conforms(promAssert, subject)

  test('a query that is not true is an error that names it; a zero that is asked for is true', async () => {
    await gauge(0)
    const ctx = acting(targets())
    const zero = conditionInput.parse({ query: 'gate == 0' })
    expect(promAssert.judge(zero, await promAssert.observe(ctx, zero))).toBe('holds')
    const one = conditionInput.parse({ query: 'gate == 1' })
    const state = await promAssert.observe(ctx, one)
    expect(promAssert.judge(one, state)).toBe('absent')
    await expect(promAssert.apply(ctx, one, state)).rejects.toMatchObject({
      code: 'condition-false',
      why: 'it gives no series: gate == 1',
    })
  })

  test('what was never measured is not true', async () => {
    const input = conditionInput.parse({ query: 'never_measured < 5' })
    const ctx = planning(targets())
    expect(promAssert.judge(input, await promAssert.observe(ctx, input))).toBe('absent')
  })

  test('planning asks the query and nothing else, by the query log', async () => {
    const input = conditionInput.parse({ query: 'gate == 42' })
    const ctx = planning(targets())
    await promAssert.plan(ctx, input, await promAssert.observe(ctx, input))
    await expect
      .poll(async () => (await prometheus.queries()).filter((query) => query === 'gate == 42').length)
      .toBe(1)
    expect(await prometheus.otherRequests()).toEqual([])
  })

  test('a query that Prometheus does not take says why; one that is always true is refused before', async () => {
    const wrong = conditionInput.parse({ query: 'gate ==' })
    await expect(promAssert.observe(acting(targets()), wrong)).rejects.toThrow(/parse error/)
    expect(conditionInput.safeParse({ query: 'gate == bool 1' }).success).toBe(false)
  })

  test('infinities and several series are no value', async () => {
    for (const query of [
      'gate / 0 > 1 or vector(1) / 0',
      'vector(1) or label_replace(vector(2), "a", "b", "", "")',
    ]) {
      const input = conditionInput.parse({ query })
      const ctx = acting(targets())
      const output = await promAssert.apply(ctx, input, await promAssert.observe(ctx, input))
      expect(output.value).toBeNull()
    }
  })
})

describe('prom.wait', () => {
  conforms(promWait, subject)

  test('it ends when the query becomes true', async () => {
    await gauge(0)
    const input = conditionInput.parse({ query: 'gate > 6' })
    const ctx = acting(targets())
    const waiting = promWait.apply(ctx, input, await promWait.observe(ctx, input))
    prometheus.gauge(7)
    expect(await waiting).toEqual({ series: 1, value: 7 })
  })

  test('when its time is over it says what did not become true', async () => {
    const input = conditionInput.parse({ query: 'gate > 100' })
    const ctx = acting(targets(), { signal: AbortSignal.timeout(200) })
    const waiting = promWait.apply(ctx, input, { series: 0, value: null })
    await expect(waiting).rejects.toMatchObject({ code: 'condition-false' })
  })
})

test('a Prometheus that is not there is unreachable', async () => {
  const input = conditionInput.parse({ query: 'gate == 1' })
  await expect(promAssert.observe(acting(targetsAt('http://127.0.0.1:1')), input)).rejects.toBeInstanceOf(
    Unreachable,
  )
})
