import type { Localized } from '#model/localized.ts'
import type { Question, QuestionReason } from './events.ts'

/** What a person is asked, by the reason. */
export const questionTexts: { readonly [R in QuestionReason]: Localized } = {
  unclear: {
    ko: '대상의 상태가 단계의 결과도 아니고 손대지 않은 상태도 아닙니다. 결과가 있다고 보시겠습니까?',
    en: 'What is there is neither what the step brings about nor clearly without it. Does it hold?',
  },
  changed: {
    ko:
      '단계가 남긴 것을 그 뒤에 누군가 바꾸었습니다. 건드리지 않았습니다. 그대로 두고 나머지를 되돌리시겠습니까(holds), ' +
      '되돌려 놓았으니 다시 확인하시겠습니까(retry), 이것과 그 전에 한 것을 모두 그대로 두시겠습니까(fail)?',
    en:
      'Somebody changed since what the step had left; it was not touched. Leave it as it is and take back the others ' +
      '(holds), look again because it was set back (retry), or leave it and what was done before it (fail)?',
  },
  unreachable: {
    ko: '단계의 제한 시간 안에 대상이 응답하지 않았습니다. 다시 확인하시겠습니까, 포기하시겠습니까?',
    en: 'The target did not answer within the time of the step. Look again, or give it up?',
  },
  exhausted: {
    ko: '단계의 시도 횟수나 시간을 다 썼습니다. 다시 시도하시겠습니까, 포기하시겠습니까?',
    en: 'Every try of the step was used or its time is over. Try again, or give it up?',
  },
  assumption: {
    ko: '승인된 계획의 가정 하나가 더는 맞지 않습니다. 바뀐 것은 없습니다. 다시 확인하시겠습니까, 멈추시겠습니까?',
    en: 'An assumption of the approved plan does not hold any more. Nothing was changed. Check again, or stop?',
  },
  'no-authority': {
    ko: '단계에 필요한 운영권이 이 실행에 없습니다. 바뀐 것은 없습니다.',
    en: 'The authority that the step needs is not held for this run. Nothing was changed.',
  },
  unfenced: {
    ko: '시도의 응답을 받지 못했고, 대상은 늦게 도착한 요청을 거절하지 못합니다. 다시 시도해도 안전합니까?',
    en: 'The answer of a try was lost, and its target cannot refuse a late request. Is it safe to try again?',
  },
  rejected: {
    ko: '이 관문에서 거부한 사람이 있습니다. 다시 요청하시겠습니까, 멈추시겠습니까?',
    en: 'Somebody said no at this gate. Ask again, or stop?',
  },
  definition: {
    ko: '단계를 정의된 대로 실행할 수 없습니다.',
    en: 'The step cannot be run as it is defined.',
  },
  deadline: {
    ko: '실행의 제한 시간이 지났으나 끝나지 않았습니다. 같은 시간만큼 더 진행하시겠습니까, 여기서 끝내시겠습니까?',
    en: 'The time of the run is over and it has not ended. Go on for as long again, or end it where it stands?',
  },
  manual: {
    ko: '사람이 직접 하고 확인하는 단계입니다.',
    en: 'A person does this and confirms it.',
  },
  drift: {
    ko:
      '이 시스템의 계획이 사람들이 승인한 계획과 다릅니다. 이 시스템만 보류하고 나머지는 진행합니다. ' +
      '다시 확인하시겠습니까, 지금의 계획을 승인받아 진행하시겠습니까(replan), 포기하시겠습니까?',
    en:
      'The plan of this system is not the one that people approved. It is held back; the others go on. ' +
      'Look again, go on with the plan as it is now once it is approved (replan), or give it up?',
  },
  held: {
    ko: '이 시스템은 지금 시작할 수 없습니다. 이 시스템만 보류하고 나머지는 진행합니다. 다시 확인하시겠습니까, 포기하시겠습니까?',
    en: 'This system cannot begin now. It is held back; the others go on. Look again, or give it up?',
  },
  prerequisite: {
    ko:
      '이 시스템에 꼭 필요한 시스템의 실행이 이 단계 없이 끝났습니다. ' +
      '다시 확인하시겠습니까, 그래도 있으니 진행하시겠습니까(holds), 포기하시겠습니까?',
    en:
      'The run of a system that this one cannot serve without has ended without this step. ' +
      'Look again, go on because it is there all the same (holds), or give it up?',
  },
}

/** A question for people: instructions of a manual step as their runbook has them, else by its reason. */
export function questionText({ reason, text, facts }: Question): Localized {
  if (reason !== 'manual') return { ko: questionTexts[reason].ko, en: text }
  const { ko } = (facts['instructions'] ?? {}) as { ko?: unknown }
  return { ko: typeof ko === 'string' ? ko : questionTexts.manual.ko, en: text }
}
