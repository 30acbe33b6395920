import { describe, expect, test } from 'vitest'
import { understand, type PrometheusLook } from '#monitor/prometheus-source.ts'
import { streamsSeen, targetsSeen } from '#monitor/vantages.ts'
import { lookForAnswer } from '#monitor/silence.ts'
import { VantageMemory, type Vantage } from '#monitor/vantage.ts'

const now = 1_800_000_000_000
const series = (name: string, labels: Record<string, string>, value: number) => ({
  labels: {
    __name__: name,
    job: 'systems',
    instance: `${labels['system'] ?? labels['part']}:${labels['site']}`,
    ...labels,
  },
  value,
})
const scraped = (labels: Record<string, string>, agoMs: number) => ({
  labels: { job: 'systems', instance: `${labels['system'] ?? labels['part']}:${labels['site']}`, ...labels },
  value: (now - agoMs) / 1000,
})
const gpk = { system: 'GPK', site: 'daejeon' }
const uni = { system: 'UNI', site: 'daejeon' }
const api = { part: 'api-server', site: 'daejeon' }

function look(ups: [Record<string, string>, number, number][]): PrometheusLook {
  return understand(
    ups.map(([labels, up]) => series('up', labels, up)),
    ups.map(([labels, , agoMs]) => scraped(labels, agoMs)),
    now,
  )
}

const vantage = (kind: Vantage['kind'], saw: 'answer' | 'silence' | 'unavailable'): Vantage => ({
  site: 'daejeon',
  kind,
  everyMs: 1,
  look: async () => ({ saw, fault: false, why: '' }),
})

describe('what Prometheus has', () => {
  test('the age of a measure is the age of its scrape', () => {
    const seen = understand(
      [
        series('up', gpk, 1),
        series('system_ready', gpk, 0),
        series('system_dependency_up', { ...gpk, dependency: 'AID' }, 0),
      ],
      [scraped(gpk, 700)],
      now,
    )
    expect(seen.measures['GPK']?.['daejeon']).toEqual({
      scrape: { value: 1, ageMs: 700 },
      ready: { value: 0, ageMs: 700 },
      dependencies: { AID: { value: 0, ageMs: 700 } },
    })
  })

  test('a site is silent only when none of its expected targets answers', () => {
    const isActive = (system: string) => system === 'GPK'
    expect(
      targetsSeen(
        look([
          [gpk, 0, 100],
          [api, 1, 100],
        ]),
        'daejeon',
        isActive,
      ).saw,
    ).toBe('answer')
    expect(
      targetsSeen(
        look([
          [gpk, 0, 100],
          [api, 0, 100],
        ]),
        'daejeon',
        isActive,
      ).saw,
    ).toBe('silence')
  })

  test('a web service that is scaled to zero there is not missed', () => {
    const seen = look([
      [gpk, 1, 100],
      [uni, 0, 100],
      [api, 1, 100],
    ])
    expect(targetsSeen(seen, 'daejeon', (system) => system === 'GPK')).toMatchObject({
      saw: 'answer',
      fault: false,
    })
    expect(targetsSeen(seen, 'daejeon', () => true)).toMatchObject({
      saw: 'answer',
      why: '2 of 3 targets answer',
    })
  })

  test('old scrapes and a silent Prometheus say nothing', () => {
    expect(targetsSeen(look([[gpk, 0, 60_000]]), 'daejeon', () => true).saw).toBe('unavailable')
    const silent = { ...look([]), prometheus: { answered: false, why: 'refused' } }
    expect(targetsSeen(silent, 'daejeon', () => true)).toMatchObject({ saw: 'unavailable', why: 'refused' })
  })
})

describe('what the standbys see', () => {
  const seen = (silentMs: number | null, streaming = true) =>
    ({ kind: 'seen', sight: { streaming, silentMs, lagMs: 0 } }) as const

  test('silence when no standby received anything lately', () => {
    expect(
      streamsSeen(
        new Map([
          ['A', seen(9_000)],
          ['B', seen(null, false)],
        ]),
      ).saw,
    ).toBe('silence')
    expect(
      streamsSeen(
        new Map([
          ['A', seen(9_000)],
          ['B', seen(300)],
        ]),
      ).saw,
    ).toBe('answer')
  })

  test('the silence that a standby has seen already counts from its last receipt', () => {
    const memory = new VantageMemory()
    const point = vantage('replication', 'answer')
    memory.note(point, streamsSeen(new Map([['A', seen(2_000)]])), now)
    memory.note(point, streamsSeen(new Map([['A', seen(4_000)]])), now + 2_000)
    expect(memory.sights(now + 2_000)).toMatchObject([{ saw: 'silence', silentMs: 4_000 }])
    memory.note(point, streamsSeen(new Map([['A', seen(100)]])), now + 3_000)
    expect(memory.sights(now + 3_500)).toMatchObject([{ saw: 'answer', silentMs: 0 }])
    expect(memory.sights(now + 60_000)).toMatchObject([{ saw: 'unavailable' }])
  })

  test('standbys that do not answer, or were promoted, are no vantage point', () => {
    expect(
      streamsSeen(
        new Map([
          ['A', { kind: 'unreachable', why: 'x' }],
          ['B', { kind: 'primary' }],
        ]),
      ).saw,
    ).toBe('unavailable')
  })
})

describe('looking for an answer now', () => {
  const ask = (...vantages: Vantage[]) =>
    lookForAnswer('daejeon', vantages, { now: () => now }, AbortSignal.timeout(1_000))

  test('one answer is enough to be not silent', async () => {
    expect((await ask(vantage('peer', 'silence'), vantage('api-server', 'answer'))).silent).toBe(false)
    expect((await ask(vantage('peer', 'silence'), vantage('prometheus', 'unavailable'))).silent).toBe(true)
  })

  test('where nobody could look, silence is not claimed', async () => {
    expect((await ask(vantage('peer', 'unavailable'))).silent).toBe(false)
    expect((await ask()).silent).toBe(false)
  })
})
