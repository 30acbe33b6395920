import type { Json } from '#model/digest.ts'
import type { BrokenAssumption } from '../ports.ts'
import type { Decision, Failure, Question, QuestionReason } from '../state/events.ts'
import { textOf } from '../state/question-texts.ts'
import type { NodeView } from '../state/view.ts'
import { toJson } from './look.ts'

const anything: readonly Decision[] = ['retry', 'holds', 'fail']
const choices: { [R in QuestionReason]: readonly Decision[] } = {
  unclear: anything,
  changed: anything,
  unreachable: anything,
  exhausted: anything,
  assumption: ['retry', 'fail'],
  'no-authority': ['retry', 'fail'],
  unfenced: anything,
  rejected: ['retry', 'fail'],
  definition: ['retry', 'fail'],
  manual: ['holds', 'fail'],
  deadline: ['retry', 'fail'],
  drift: ['retry', 'replan', 'fail'],
  held: ['retry', 'fail'],
  prerequisite: anything,
}

/** A question about a node: what the journal says beside what was observed. */
export function question(
  reason: QuestionReason,
  view: NodeView | null,
  more: { [key: string]: unknown } = {},
): Question {
  const last = view?.attempts.at(-1)
  const facts: { [key: string]: Json } = {}
  if (last !== undefined) facts.journal = toJson({ attempts: view?.attempts.length, last })
  for (const [name, value] of Object.entries(more)) facts[name] = toJson(value)
  return { reason, text: textOf(reason), facts, choices: choices[reason] }
}

export function assumptionQuestion(broken: readonly BrokenAssumption[], view: NodeView | null): Question {
  return question('assumption', view, { broken })
}

export function unseenQuestion(failure: Failure, view: NodeView): Question {
  return question('unreachable', view, { failure })
}
