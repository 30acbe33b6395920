import { HaetaeError } from '#model/errors.ts'
import type { Run } from './haetae-view.ts'
import type { Scene } from './scene.ts'
import { until } from './waiting.ts'

/** Watches the run to its end, and tells each system's promotion and opening as it happens. */
export async function watchRun(scene: Scene, run: string): Promise<Run> {
  const { narrator, haetae, to, signal } = scene
  const told = new Set<string>()
  return until(
    async () => {
      const found = await haetae.run(to, run)
      tellNews(scene, found, told)
      if (found.state === 'succeeded') return { done: found }
      if (found.state === 'failed' || found.state === 'canceled') throw stuck(found)
      if (found.state === 'needs-person' && !scene.options.interactive) throw stuck(found)
      const running = found.graph.filter(({ state }) => state === 'running').map(({ id }) => id)
      return { notYet: `${found.nodesDone}/${found.nodes} ${running.slice(0, 4).join(' ')}` }
    },
    {
      what: `run ${run}`,
      withinMs: 300_000,
      everyMs: 400,
      signal,
      notYet: (why) => narrator.status(why, why),
    },
  )
}

function tellNews({ narrator }: Scene, run: Run, told: Set<string>): void {
  for (const { system, wave, promoted, open } of run.times) {
    if (promoted !== null && !told.has(`${system} promoted`)) {
      told.add(`${system} promoted`)
      narrator.line(`${system} 승격 (순번 ${wave})`, `${system} promoted (wave ${wave})`)
    }
    if (open !== null && !told.has(`${system} open`)) {
      told.add(`${system} open`)
      narrator.line(`${system} 개통`, `${system} open`)
    }
  }
}

function stuck(run: Run): HaetaeError {
  const troubled = run.graph.filter(({ state }) => state === 'failed' || state === 'needs-person')
  const words = troubled.map(({ id, state, message, question }) => {
    const said = typeof message === 'object' && message !== null ? message.en : (message ?? '')
    return `${id} ${state}: ${said}${lastFailure(question?.facts)}`
  })
  return new HaetaeError('drill-stuck', `run ${run.id} is ${run.state}`, {
    why: words.join('\n'),
    remedy: `See \`./haetae run show ${run.id} --site ${run.toSite}\`; the lab stays as it is.`,
  })
}

/** What the last try failed with, as the facts of a question tell it. */
function lastFailure(facts: Record<string, unknown> = {}): string {
  const { last } = (facts['journal'] ?? {}) as { last?: { failure?: { message?: string } | null } }
  return last?.failure?.message === undefined ? '' : ` The last try: ${last.failure.message}`
}

/** Waits until every system acknowledges what citizens send, wherever they now reach it. */
export async function citizensServed(scene: Scene, lossAt: number): Promise<void> {
  const { narrator, systems, record, signal } = scene
  await until(
    async () => {
      const meetings = await record.read()
      const waiting = systems.filter(({ id }) => {
        const meeting = meetings.get(id)
        return meeting === undefined || meeting.away || meeting.lastAt <= lossAt
      })
      return waiting.length === 0
        ? { done: true }
        : { notYet: `citizens wait for ${waiting.map(({ id }) => id).join(' ')}` }
    },
    {
      what: 'citizens are served by every system again',
      withinMs: 120_000,
      everyMs: 300,
      signal,
      notYet: (why) => narrator.status(why, why),
    },
  )
  narrator.line(
    '이용자의 거래가 모든 정보시스템에서 다시 접수됩니다.',
    'Every system acknowledges the transactions of citizens again.',
  )
}
