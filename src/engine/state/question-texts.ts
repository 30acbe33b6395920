import type { Localized } from '#model/localized.ts'
import type { Question, QuestionReason } from './events.ts'

/** What a person is asked, by the reason. The journal keeps the English one, as it was asked. */
const texts: { [R in QuestionReason]: Localized } = {
  unclear: {
    en: 'What is there is neither what the step brings about nor clearly without it. Does it hold?',
    ko: '지금 상태가 단계의 결과인지 아닌지 분명하지 않습니다. 이루어진 것으로 봅니까?',
  },
  changed: {
    en:
      'Somebody changed since what the step had left; it was not touched. Leave it as it is and take back the others ' +
      '(holds), look again because it was set back (retry), or leave it and what was done before it (fail)?',
    ko:
      '단계가 남긴 것을 그 뒤에 누군가 바꾸어 건드리지 않았습니다. 이것은 두고 나머지를 되돌립니까(holds), ' +
      '원래대로 돌려놓아 다시 확인합니까(retry), 이것과 그 앞에 한 일을 둡니까(fail)?',
  },
  unreachable: {
    en: 'The target did not answer within the time of the step. Look again, or give it up?',
    ko: '단계의 시간 안에 대상이 응답하지 않았습니다. 다시 확인합니까, 포기합니까?',
  },
  exhausted: {
    en: 'Every try of the step was used or its time is over. Try again, or give it up?',
    ko: '단계의 시도 횟수나 시간이 다 되었습니다. 다시 시도합니까, 포기합니까?',
  },
  assumption: {
    en: 'An assumption of the approved plan does not hold any more. Nothing was changed. Check again, or stop?',
    ko: '승인된 계획의 전제가 더 이상 맞지 않습니다. 바뀐 것은 없습니다. 다시 확인합니까, 멈춥니까?',
  },
  'no-authority': {
    en: 'The authority that the step needs is not held for this run. Nothing was changed.',
    ko: '단계에 필요한 운영권이 이 실행에 없습니다. 바뀐 것은 없습니다.',
  },
  unfenced: {
    en: 'The answer of a try was lost, and its target cannot refuse a late request. Is it safe to try again?',
    ko: '시도의 응답을 받지 못했고, 대상은 늦게 도착한 요청을 거부하지 못합니다. 다시 시도해도 안전합니까?',
  },
  rejected: {
    en: 'Somebody said no at this gate. Ask again, or stop?',
    ko: '이 관문에서 거부한 사람이 있습니다. 다시 요청합니까, 멈춥니까?',
  },
  definition: {
    en: 'The step cannot be run as it is defined.',
    ko: '정의된 대로 단계를 실행할 수 없습니다.',
  },
  deadline: {
    en: 'The time of the run is over and it has not ended. Go on for as long again, or end it where it stands?',
    ko: '실행의 시간이 다 되었지만 끝나지 않았습니다. 같은 시간만큼 더 합니까, 지금 상태로 끝냅니까?',
  },
  manual: { en: 'A person does this and confirms it.', ko: '사람이 하고 확인하는 일입니다.' },
  drift: {
    en:
      'The plan of this system is not the one that people approved. It is held back; the others go on. ' +
      'Look again, go on with the plan as it is now once it is approved (replan), or give it up?',
    ko:
      '이 시스템의 계획이 승인된 것과 다릅니다. 이 시스템만 보류하고 나머지는 계속합니다. ' +
      '다시 확인합니까, 지금 계획을 승인받아 진행합니까(replan), 포기합니까?',
  },
  held: {
    en: 'This system cannot begin now. It is held back; the others go on. Look again, or give it up?',
    ko: '이 시스템은 지금 시작할 수 없습니다. 이 시스템만 보류하고 나머지는 계속합니다. 다시 확인합니까, 포기합니까?',
  },
  prerequisite: {
    en:
      'The run of a system that this one cannot serve without has ended without this step. ' +
      'Look again, go on because it is there all the same (holds), or give it up?',
    ko:
      '이 시스템에 꼭 필요한 시스템의 실행이 이 단계 없이 끝났습니다. ' +
      '다시 확인합니까, 그래도 갖추어져 있어 진행합니까(holds), 포기합니까?',
  },
}

export function textOf(reason: QuestionReason): string {
  return texts[reason].en
}

/** What was asked, in both languages; the instructions of a manual step are its own. */
export function questionText({ reason, text }: Question): Localized {
  return { en: text, ko: reason === 'manual' ? text : texts[reason].ko }
}
