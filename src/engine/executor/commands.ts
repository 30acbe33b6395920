import type { Json } from '#model/digest.ts'
import type { Command, Decision, EngineEvent, PauseOf, PersonsCommand } from '../state/events.ts'
import { refusal, type Verb } from '../state/refusal.ts'
import type { RunHost } from './host.ts'
import { adoptedOutput } from './step.ts'

/** Answers what a person asked for: does it, or writes why not. */
export async function answer(host: RunHost, seq: number, asked: PersonsCommand): Promise<void> {
  const { command, by } = asked
  if (command.verb === 'decide') return decide(host, seq, command, by)
  const whose = asked.fleet === true ? 'fleet' : 'own'
  const why = refusal(host.view, command, host.parts.stepTypes, whose)
  if (why !== undefined) return host.note({ kind: 'command-refused', command: seq, why: why.en })
  host.note(...eventsOf(host, seq, command, by, whose))
}

/** What a command that the run takes makes of it. */
function eventsOf(host: RunHost, seq: number, verb: Verb, by: string, whose: PauseOf): EngineEvent[] {
  const { reason } = verb
  const about = { by, reason, command: seq }
  switch (verb.verb) {
    case 'pause':
      return [{ kind: 'run-paused', ...about, ...(whose === 'fleet' ? { whose } : {}) }]
    case 'resume':
      return [{ kind: 'run-resumed', to: withoutPause(host, whose), ...about, whose }]
    case 'skip':
      return [{ kind: 'skipped', node: verb.node, ...about }]
    case 'rollback':
      return [...endOfPause(host, by, reason), { kind: 'run-rolling-back', ...about }]
    case 'cancel':
      return [...endOfPause(host, by, reason), { kind: 'run-canceling', ...about }]
  }
}

function withoutPause(host: RunHost, whose: PauseOf): 'waiting' | 'running' | 'paused' {
  const other = whose === 'own' ? host.view.paused?.fleet : host.view.paused?.own
  return (other ?? null) === null ? goesOnAs(host) : 'paused'
}

/** What ends a run ends its pauses first. */
function endOfPause(host: RunHost, by: string, reason: string): EngineEvent[] {
  if (host.view.paused === null) return []
  return [{ kind: 'run-resumed', to: goesOnAs(host), by, reason, command: null }]
}

function goesOnAs(host: RunHost): 'waiting' | 'running' {
  return host.view.startedAt === null ? 'waiting' : 'running'
}

async function decide(
  host: RunHost,
  seq: number,
  { node, decision, reason }: Extract<Command, { verb: 'decide' }>,
  by: string,
): Promise<void> {
  const refuse = (why: string) => host.note({ kind: 'command-refused', command: seq, why })
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
  if (decision === 'fail') {
    return host.note(...endOfPause(host, by, reason), { kind: 'run-canceling', by, reason, command: seq })
  }
  host.note({ kind: 'run-goes-on', to: goesOnAs(host), command: seq })
}
