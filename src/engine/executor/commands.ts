import type { Json } from '#model/digest.ts'
import type { Decision, PersonsCommand } from '../state/events.ts'
import type { RunHost } from './host.ts'
import { adoptedOutput } from './step.ts'

/** Answers what a person asked for: does it, or writes why not. */
export async function answer(host: RunHost, seq: number, { command, by }: PersonsCommand): Promise<void> {
  const refuse = (why: string) => host.note({ kind: 'command-refused', command: seq, why })
  if (command.verb === 'cancel') {
    if (host.view.canceling !== null) return refuse('the run is being canceled already')
    return host.note({ kind: 'run-canceling', by, reason: command.reason, command: seq })
  }
  const { node, decision, reason } = command
  if (node === null) return answerRun(host, seq, decision, by, reason)
  const asked = host.view.nodes.get(node)?.question ?? null
  if (asked === null) return refuse(`${node} waits for no decision`)
  if (!asked.choices.includes(decision)) return refuse(`${decision} is no answer to this question`)
  const output: Json = decision === 'holds' ? await adoptedOutput(host, node) : null
  // Looking took time: somebody else may have answered meanwhile.
  if (host.view.nodes.get(node)?.question !== asked) return refuse(`${node} was decided meanwhile`)
  host.note({ kind: 'decided', node, decision, by, reason, command: seq, output })
}

function answerRun(host: RunHost, seq: number, decision: Decision, by: string, reason: string): void {
  const asked = host.view.question
  if (asked === null || !asked.choices.includes(decision)) {
    const why = asked === null ? 'the run waits for no decision' : `${decision} is no answer to this question`
    return host.note({ kind: 'command-refused', command: seq, why })
  }
  if (decision === 'fail') return host.note({ kind: 'run-canceling', by, reason, command: seq })
  host.note({ kind: 'run-goes-on', to: 'waiting', command: seq })
}
