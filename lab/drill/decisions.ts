import { HaetaeError } from '#model/errors.ts'
import { decisionArgs, decisions, failoverArgs, haetae, shown, type Decision } from './commands.ts'
import type { Scene } from './scene.ts'
import { until } from './waiting.ts'

const aDay = 24 * 3_600_000

/** The failover is declared, approved and attested: by the lab's keys, or by people who type the commands shown. */
export async function decide(scene: Scene): Promise<string> {
  const { narrator, options } = scene
  if (!options.interactive) {
    narrator.line(
      '사람 대신 실습용 키가 서명합니다 (사람이 하려면 --interactive).',
      "The lab's own keys sign in place of people (--interactive waits for people).",
    )
  }
  const run = options.interactive ? await waitForDeclaration(scene) : await declare(scene)
  narrator.line(`실행 ${run}이(가) 승인을 기다립니다.`, `Run ${run} waits for its approvals.`)
  if (options.interactive) await waitForGates(scene, run)
  else for (const decision of decisions) await sign(scene, run, decision)
  return run
}

async function declare(scene: Scene): Promise<string> {
  const args = failoverArgs(scene.from, scene.to)
  scene.narrator.plain(`             $ ${shown(args)}`)
  const run = (await haetae([...args, '--confirm', scene.from, '--quiet'], scene.contextFile)) as {
    id?: unknown
  }
  if (typeof run.id === 'string') return run.id
  throw new HaetaeError('drill-command-failed', shown(args), { why: 'it named no run' })
}

async function sign(scene: Scene, run: string, decision: Decision): Promise<void> {
  const args = decisionArgs(run, scene.to, decision)
  scene.narrator.plain(`             $ ${shown(args)}`)
  await haetae([...args, '--confirm', run, '--quiet'], scene.contextFile)
}

async function waitForDeclaration(scene: Scene): Promise<string> {
  const { narrator, haetae: view, from, to, signal } = scene
  narrator.line('다른 터미널에서 재해 전환을 요청하십시오:', 'Request the failover in another terminal:')
  narrator.plain(`             $ ${shown(failoverArgs(from, to))}`)
  return until(
    async () => {
      const run = (await view.activeRuns(to)).find(({ fromSite }) => fromSite === from)
      return run === undefined ? { notYet: 'no failover is requested yet' } : { done: run.id }
    },
    { what: 'a declared failover', withinMs: aDay, signal, notYet: (why) => narrator.status(why, why) },
  )
}

async function waitForGates(scene: Scene, run: string): Promise<void> {
  const { narrator, haetae: view, to, signal } = scene
  narrator.line('이제 네 사람이 서명합니다:', 'Now four signatures are needed:')
  for (const decision of decisions) narrator.plain(`             $ ${shown(decisionArgs(run, to, decision))}`)
  await until(
    async () => {
      const { gates, state } = await view.run(to, run)
      if (state === 'canceled' || state === 'failed') {
        throw new HaetaeError('drill-stuck', `run ${run}`, { why: `it is ${state}` })
      }
      const open = gates.filter((gate) => gate.state !== 'passed')
      if (open.length === 0) return { done: true }
      return { notYet: open.map((gate) => `${gate.gate}: ${gate.given.length} / ${gate.quorum}`).join(', ') }
    },
    { what: `the gates of run ${run}`, withinMs: aDay, signal, notYet: (why) => narrator.status(why, why) },
  )
}
