import type { Localized } from '#model/localized.ts'
import type { Command } from './events.ts'
import type { RunView } from './view.ts'

/** What people ask of a run as a whole or of a node; a decision answers a question and is looked at apart. */
export type Verb = Exclude<Command, { verb: 'decide' }>

/** Why a run does not take what a person asks of it now; undefined when it does. The run has not ended. */
export function refusal(view: RunView, command: Verb): Localized | undefined {
  switch (command.verb) {
    case 'cancel':
      return view.canceling === null ? undefined : ending(view.canceling.by)
    case 'pause':
      if (view.canceling !== null) return ending(view.canceling.by)
      return view.paused === null
        ? undefined
        : said(`이미 ${view.paused.by}이(가) 일시 정지했습니다`, `${view.paused.by} has paused it already`)
    case 'resume':
      return view.paused === null ? said('일시 정지되지 않았습니다', 'it is not paused') : undefined
  }
}

function ending(by: string): Localized {
  return said(`${by}이(가) 이미 취소했습니다`, `${by} is canceling it already`)
}

function said(ko: string, en: string): Localized {
  return { ko, en }
}
