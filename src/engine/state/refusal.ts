import type { Localized } from '#model/localized.ts'
import { terminalNodeStates } from '#model/states.ts'
import type { Command } from './events.ts'
import { refuseSkip, type StepTypes } from './refuse-skip.ts'
import type { RunView } from './view.ts'

/** What people ask of a run as a whole or of a node; a decision answers a question and is looked at apart. */
export type Verb = Exclude<Command, { verb: 'decide' }>

/** Why a run does not take what a person asks of it now; undefined when it does. The run has not ended. */
export function refusal(view: RunView, command: Verb, types: StepTypes): Localized | undefined {
  switch (command.verb) {
    case 'cancel':
      return view.canceling === null ? undefined : ending(view.canceling.by)
    case 'pause':
      if (view.canceling !== null) return ending(view.canceling.by)
      return view.paused === null ? undefined : alreadyPaused(view.paused.by)
    case 'resume':
      return view.paused === null ? { ko: '일시 정지되지 않았습니다', en: 'it is not paused' } : undefined
    case 'rollback':
      return refuseRollback(view)
    case 'skip':
      return refuseSkip(view, command.node, types)
  }
}

function refuseRollback(view: RunView): Localized | undefined {
  if (view.canceling !== null) return ending(view.canceling.by)
  if (view.rollingBack !== null) {
    const { by } = view.rollingBack
    return { ko: `${by}이(가) 이미 되돌리고 있습니다`, en: `${by} is rolling it back already` }
  }
  const open = view.plan.subject.nodes.some(
    (node) => node.finally !== true && !terminalNodeStates.has(view.nodes.get(node.id)?.state ?? 'waiting'),
  )
  if (open) return undefined
  return { ko: '모든 단계가 끝나 마무리하는 중입니다', en: 'its steps have ended, it is only cleaning up' }
}

function ending(by: string): Localized {
  return { ko: `${by}이(가) 이미 취소했습니다`, en: `${by} is canceling it already` }
}

function alreadyPaused(by: string): Localized {
  return { ko: `이미 ${by}이(가) 일시 정지했습니다`, en: `${by} has paused it already` }
}
