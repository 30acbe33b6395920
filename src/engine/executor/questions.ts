import type { Json } from '#model/digest.ts'
import type { BrokenAssumption } from '../ports.ts'
import type { Decision, Failure, Question, QuestionReason } from '../state/events.ts'
import type { NodeView } from '../state/view.ts'
import { toJson } from './look.ts'

const texts: { [R in QuestionReason]: string } = {
  unclear: 'What is there is neither what the step brings about nor clearly without it. Does it hold?',
  changed:
    'Somebody changed since what the step had left; it was not touched. Leave it as it is and take back the others ' +
    '(holds), look again because it was set back (retry), or leave it and what was done before it (fail)?',
  unreachable: 'The target did not answer within the time of the step. Look again, or give it up?',
  exhausted: 'Every try of the step was used or its time is over. Try again, or give it up?',
  assumption:
    'An assumption of the approved plan does not hold any more. Nothing was changed. Check again, or stop?',
  'no-authority': 'The authority that the step needs is not held for this run. Nothing was changed.',
  unfenced:
    'The answer of a try was lost, and its target cannot refuse a late request. Is it safe to try again?',
  rejected: 'An approver said no. Ask again, or stop?',
  definition: 'The step cannot be run as it is defined.',
  deadline:
    'The time of the run is over and it has not ended. Go on for as long again, or end it where it stands?',
  manual: 'A person does this and confirms it.',
  drift:
    'The plan of this system is not the one that people approved. It is held back; the others go on. ' +
    'Look again, go on with the plan as it is now once it is approved (replan), or give it up?',
  held: 'This system cannot begin now. It is held back; the others go on. Look again, or give it up?',
  prerequisite:
    'The run of a system that this one cannot serve without has ended without this step. ' +
    'Look again, go on because it is there all the same (holds), or give it up?',
}

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
  return { reason, text: texts[reason], facts, choices: choices[reason] }
}

export function assumptionQuestion(broken: readonly BrokenAssumption[], view: NodeView | null): Question {
  return question('assumption', view, { broken })
}

export function unseenQuestion(failure: Failure, view: NodeView): Question {
  return question('unreachable', view, { failure })
}
