import type { Journal } from '#engine/journal/journal.ts'
import { readView } from '#engine/run-reader.ts'
import type { Question } from '#engine/state/events.ts'
import type { RunView } from '#engine/state/view.ts'
import { terminalRunStates } from '#model/states.ts'
import { isHaetaeError } from '#model/errors.ts'
import { waitsForPersonsOnly } from '../sim/world/simulate.ts'
import type { EffectLedger } from './world/effects.ts'

/** What people said to a run that waited for them. */
export interface Answered {
  run: string
  node: string | null
  reason: string
  decision: 'retry' | 'holds'
}

/** True when nothing of a run can go on before a person answers, and no answer is on its way. */
function waits(view: RunView): boolean {
  return view.state === 'needs-person' && view.commands.size === 0 && waitsForPersonsOnly(view)
}

/** What a question must have so that somebody can answer it. */
function refuseNameless(run: string, node: string | null, question: Question): void {
  if (question.text !== '' && question.choices.length > 1) return
  throw new Error(
    `run ${run} asks about ${node ?? 'itself'} and names no choices: ${JSON.stringify(question)}`,
  )
}

/**
 * Answers what a run asks, as people would who can see the world outside: what is there holds, what is not is tried
 * again. Call it only when nothing is on its way to that world any more.
 */
export async function answer(journal: Journal, runId: string, effects: EffectLedger): Promise<Answered[]> {
  const view = await readView(journal, runId)
  if (!waits(view)) return []
  const happened = new Set(
    effects
      .read()
      .filter((effect) => effect.run === runId)
      .map((effect) => effect.node),
  )
  const asked: [string | null, Question][] = [...view.nodes.values()].flatMap(
    ({ id, question }): [string, Question][] => (question === null ? [] : [[id, question]]),
  )
  if (view.question !== null) asked.push([null, view.question])
  const answered: Answered[] = []
  for (const [node, question] of asked) {
    refuseNameless(runId, node, question)
    const holds = node !== null && happened.has(node) && question.choices.includes('holds')
    const decision: Answered['decision'] = holds ? 'holds' : 'retry'
    const command = { verb: 'decide' as const, node, decision, reason: 'looked at the world outside' }
    await journal.command(runId, command, 'sre-1')
    answered.push({ run: runId, node, reason: question.reason, decision })
  }
  return answered
}

/** Cancels a run unless it has ended. */
export async function cancel(journal: Journal, runId: string): Promise<void> {
  const row = await journal.run(runId)
  if (row === undefined || terminalRunStates.has(row.state)) return
  await journal.command(runId, { verb: 'cancel', reason: 'chaos' }, 'commander-1').catch((error: unknown) => {
    if (!isHaetaeError(error, 'run-ended')) throw error
  })
}
