import type { Localized } from '#model/localized.ts'
import { terminalNodeStates } from '#model/states.ts'
import type { Command, PauseOf } from './events.ts'
import { refuseSkip, type StepTypes } from './refuse-skip.ts'
import type { RunView, Said } from './view.ts'

/** What people ask of a run as a whole or of a node; a decision answers a question and is looked at apart. */
export type Verb = Exclude<Command, { verb: 'decide' }>

/**
 * Why a run does not take what is asked of it now; undefined when it does. The run has not ended. `whose`: asked of it
 * by a person, or passed on by its fleet.
 */
export function refusal(
  view: RunView,
  command: Verb,
  types: StepTypes,
  whose: PauseOf = 'own',
): Localized | undefined {
  switch (command.verb) {
    case 'cancel':
      return view.canceling === null ? undefined : ending(view.canceling.by)
    case 'pause':
      if (view.canceling !== null) return ending(view.canceling.by)
      return alreadyPaused(view.paused?.[whose] ?? null)
    case 'resume':
      return (view.paused?.[whose] ?? null) === null ? notToResume(view) : undefined
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

function alreadyPaused(pause: Said | null): Localized | undefined {
  if (pause === null) return undefined
  return { ko: `이미 ${pause.by}이(가) 일시 정지했습니다`, en: `${pause.by} has paused it already` }
}

/** A paused fleet holds all its parts: one that went on alone would go against whoever paused them all. */
function notToResume({ paused, parent }: RunView): Localized {
  const fleet = paused?.fleet ?? null
  if (fleet === null) return { ko: '일시 정지되지 않았습니다', en: 'it is not paused' }
  return {
    ko: `${fleet.by}이(가) 실행 ${parent ?? ''} 전체를 일시 정지했습니다. 그 실행을 재개하십시오`,
    en: `${fleet.by} has paused it with its fleet: resume run ${parent ?? ''}`,
  }
}
