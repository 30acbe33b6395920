import { timeOfDay } from '#terminal/time.ts'
import type { Scene } from './scene.ts'
import { until } from './waiting.ts'

/** Waits until the daemon of the other site suspects the loss, and tells what it says and why. */
export async function seeTheLoss(scene: Scene): Promise<void> {
  const { narrator, haetae, from, to, signal, siteNames: names } = scene
  const lost = await until(
    async () => {
      const site = (await haetae.sites(to)).find(({ id }) => id === from)
      const state = site?.state ?? 'not known'
      return site?.state === 'suspected-lost' ? { done: site } : { notYet: `${to} sees ${from}: ${state}` }
    },
    {
      what: `${to} suspects that ${from} is lost`,
      withinMs: 60_000,
      everyMs: 300,
      signal,
      notYet: (why) => narrator.status(why, why),
    },
  )
  narrator.line(
    `${names[to]?.ko ?? to}의 Haetae가 ${names[from]?.ko ?? from}의 상실을 의심합니다:`,
    `Haetae at ${to} suspects that ${from} is lost:`,
  )
  for (const reason of lost.reasons) narrator.plain(`             ${narrator.text(reason)}`)
  for (const { from: vantage, sees, at, detail } of lost.vantagePoints) {
    narrator.plain(`             ${vantage}: ${sees}, ${timeOfDay(at)} ${narrator.text(detail ?? '')}`)
  }
  await tellHealth(scene)
}

/** Lost systems are unknown, those that need them are down and say so, the others go on. */
async function tellHealth(scene: Scene): Promise<void> {
  const { narrator, systems, haetae, to, signal } = scene
  const expected = expectedHealth(scene)
  const lines = await until(
    async () => {
      const found = (await haetae.systems(to)).filter(({ id }) => systems.some((one) => one.id === id))
      const wrong = found.filter(({ id, health }) => expected.get(id) !== health)
      return wrong.length === 0
        ? { done: found }
        : { notYet: wrong.map(({ id, health }) => `${id} is ${health}`).join(', ') }
    },
    { what: 'the health of every system after the loss', withinMs: 60_000, everyMs: 300, signal },
  )
  for (const health of ['unknown', 'down', 'up'] as const) {
    const these = lines.filter((line) => line.health === health)
    if (these.length === 0) continue
    const why =
      health === 'down'
        ? these.map(({ id, reasons }) => `${id}: ${reasons.map((r) => narrator.text(r)).join('; ')}`)
        : []
    narrator.line(
      `${health}: ${these.map(({ id }) => id).join(' ')}`,
      `${health}: ${these.map(({ id }) => id).join(' ')}`,
    )
    for (const line of why) narrator.plain(`             ${line}`)
  }
}

/** By the estate: what lived there is unknown, what needs that (directly or not) is down, the rest is up. */
export function expectedHealth({
  systems,
  from,
}: Pick<Scene, 'systems' | 'from'>): Map<string, 'unknown' | 'down' | 'up'> {
  const gone = new Set(systems.filter(({ home }) => home === from).map(({ id }) => id))
  const down = new Set<string>()
  for (let before = -1; before !== down.size;) {
    before = down.size
    for (const { id, needs } of systems) {
      if (!gone.has(id) && needs.some((need) => gone.has(need.id) || down.has(need.id))) down.add(id)
    }
  }
  return new Map(systems.map(({ id }) => [id, gone.has(id) ? 'unknown' : down.has(id) ? 'down' : 'up']))
}
