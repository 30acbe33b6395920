import type { Json } from '#model/digest.ts'
import type { Localized } from '#model/localized.ts'
import { instant } from '#model/time.ts'
import type { PlanNode } from '#plan/plan.ts'
import type { Why } from '../ports.ts'
import type { Question } from './events.ts'
import { childRunId, heldBefore } from './fleet.ts'
import { openNeeds } from './needs.ts'
import { questionText } from './question-texts.ts'
import { planNodeOf, type NodeView, type Paused, type RunView } from './view.ts'

/** Why a node waits, or what it does; undefined when the run has no such node. */
export function whyNode(view: RunView, id: string): Why | undefined {
  const node = view.nodes.get(id)
  const plan = planNodeOf(view, id)
  if (node === undefined || plan === undefined) return undefined
  switch (node.state) {
    case 'waiting':
      return whyWaiting(view, plan, node)
    case 'running':
    case 'unknown':
      return plan.waitFor?.kind === 'run' ? whyOwnRun(view, plan, node) : whyWorking(node)
    case 'needs-person':
      return why('person', asked(node.question, '사람의 결정 대기', 'waits for a person'), {
        reason: node.question?.reason ?? null,
        choices: node.question?.choices ?? [],
        facts: node.question?.facts ?? {},
      })
    case 'canceled':
      return why(
        'canceled',
        text(`취소됨: ${node.canceled?.why ?? ''}`, `canceled: ${node.canceled?.why ?? ''}`),
        {
          left: node.canceled?.left ?? null,
        },
      )
    case 'skipped':
      return whySkipped(node)
    case 'succeeded':
    case 'adopted':
    case 'failed':
      return (
        whyLeft(view, plan) ??
        whyGivenUp(node) ??
        why('ended', text(`끝남 (${node.state})`, `ended: ${node.state}`), {})
      )
  }
}

function asked(question: Question | null, ko: string, en: string): Localized {
  const said = question === null ? text('', '') : questionText(question)
  return text(`${ko}: ${said.ko}`, `${en}: ${said.en}`)
}

/** Of a step that was to take another one back, and did not. */
function whyLeft({ undo }: RunView, plan: PlanNode): Why | undefined {
  const left = 'undoes' in plan ? undo?.left.find(({ node }) => node === plan.undoes) : undefined
  return left === undefined ? undefined : why('ended', left.why, {})
}

function whyNoTurn(view: RunView, plan: PlanNode): Why {
  const held = heldBefore(view, plan)
  if (held.length === 0)
    return why('capacity', text('차례를 기다리는 중', 'waits for its turn in the fleet'), {})
  const names = held.join(', ')
  return why('needs', text(`보류된 ${names} 없이는 시작 불가`, `cannot begin without ${names}, held back`), {
    needs: held.map((node) => ({ node, state: 'needs-person' })),
  })
}

function whySkipped({ skipped, failure }: NodeView): Why {
  if (skipped === null) {
    const message = failure?.message ?? ''
    return why('ended', text(`대상 무응답으로 제외됨: ${message}`, `left out, no answer: ${message}`), {})
  }
  const { by, reason } = skipped
  return why('ended', text(`${by}이(가) 건너뜀: ${reason}`, `skipped by ${by}: ${reason}`), { by, reason })
}

function whyGivenUp(node: NodeView): Why | undefined {
  const words = givenUpText(node)
  return words === undefined ? undefined : why('ended', words, { ...node.givenUp })
}

/** Of a step that a person answered to have failed: who, why, and what went wrong before. */
export function givenUpText({ givenUp, failure }: NodeView): Localized | undefined {
  if (givenUp === null) return undefined
  const { by, reason } = givenUp
  return failure === null
    ? text(`${by}이(가) 포기함: ${reason}`, `given up by ${by}: ${reason}`)
    : text(
        `${by}이(가) 포기함: ${reason} (그 전: ${failure.message})`,
        `given up by ${by}: ${reason} (before that: ${failure.message})`,
      )
}

function whyWaiting(view: RunView, plan: PlanNode, node: NodeView): Why {
  const needs = openNeeds(view, plan)
  if (needs.length > 0) {
    const names = needs.map((need) => `${need.node} (${need.state})`).join(', ')
    return why('needs', text(`앞 단계 대기: ${names}`, `needs ${names}`), { needs })
  }
  if (view.preemptedBy !== null && plan.finally === true) {
    const run = view.preemptedBy
    return why('lock', text(`실행 ${run}이(가) 시스템을 잡고 있음`, `run ${run} holds its systems`), { run })
  }
  if (plan.gate !== null) {
    const { quorum, purpose } = plan.gate
    const given = node.approvedBy.length
    return why(
      'approval',
      text(`서명 ${quorum}건 중 ${given}건`, `${given} of ${quorum} signatures (${purpose})`),
      {
        purpose,
        quorum,
        by: node.approvedBy,
      },
    )
  }
  if (plan.waitFor?.kind === 'time' && view.startedAt !== null) {
    const until = instant(waitEndsAt(view, plan, plan.waitFor.ms))
    return why('time', text(`${until}까지 대기`, `waits until ${until}`), { until })
  }
  if (view.paused !== null) {
    return whyPaused(view.paused)
  }
  if (view.question !== null && view.startedAt === null) {
    const { question } = view
    return why('person', asked(question, '실행 전체가 사람의 결정 대기', 'the run waits for a person'), {
      reason: question.reason,
      choices: question.choices,
      facts: question.facts,
    })
  }
  if (plan.waitFor?.kind === 'run') return whyNoTurn(view, plan)
  if (plan.waitFor?.kind === 'sibling') {
    const { system, node: wanted } = plan.waitFor
    const run = childRunId(view.parent ?? '', system)
    return why('needs', text(`${run} 실행의 ${wanted} 대기`, `needs ${wanted} of run ${run}`), {
      needs: [{ run, node: wanted }],
    })
  }
  if (node.retryAt !== null) {
    const message = node.failure?.message ?? ''
    return why(
      'retry',
      text(`${node.retryAt}에 다시 시도: ${message}`, `tries again at ${node.retryAt}: ${message}`),
      {
        retryAt: node.retryAt,
        attempts: node.attempts.length,
        failure: message,
      },
    )
  }
  return why(
    'capacity',
    text('차례를 기다리거나 대상을 확인하는 중', 'ready: waits for a place, or is being looked at'),
    {},
  )
}

/** When a node that waits for time is over, milliseconds: counted from when the last that it needs had ended. */
export function waitEndsAt(view: RunView, { needs, after = [] }: PlanNode, ms: number): number {
  const begin = [view.startedAt, ...[...needs, ...after].map((id) => view.nodes.get(id)?.endedAt ?? null)]
  return Math.max(...begin.flatMap((at) => (at === null ? [] : [Date.parse(at)]))) + ms
}

function whyPaused({ own, fleet }: Paused): Why {
  const { by, reason, at } = own ?? fleet ?? { by: '', reason: '', at: '' }
  const words =
    own === null
      ? text(`소속 실행과 함께 일시 정지됨 (${by}): ${reason}`, `its fleet is paused by ${by}: ${reason}`)
      : text(`일시 정지됨 (${by}): ${reason}`, `the run is paused by ${by}: ${reason}`)
  return why('paused', words, { by, reason, at })
}

function whyOwnRun(view: RunView, { system }: PlanNode, { pausedAlone }: NodeView): Why {
  const run = childRunId(view.id, system)
  if (pausedAlone !== null) {
    const { by, reason } = pausedAlone
    const ko = `실행 ${run}만 따로 일시 정지됨 (${by}): ${reason}`
    const en = `its own run ${run} alone is paused by ${by}: ${reason}`
    return why('paused', text(ko, en), { run, by, reason })
  }
  return why('working', text(`실행 ${run} 진행 중`, `its own run ${run} is under way`), { run })
}

function whyWorking(node: NodeView): Why {
  const attempt = node.attempts.length
  if (node.state === 'unknown') {
    const message = node.failure?.message ?? ''
    return why(
      'working',
      text(
        `시도 ${attempt}의 결과를 확인하는 중: ${message}`,
        `finding out what attempt ${attempt} did: ${message}`,
      ),
      {
        attempt,
        retryAt: node.retryAt,
      },
    )
  }
  if (node.applied !== null) return why('working', text('결과 검증 중', 'being verified'), { attempt })
  const said = node.progress === null ? '' : `: ${node.progress}`
  return why('working', text(`시도 ${attempt} 진행 중${said}`, `attempt ${attempt} is under way${said}`), {
    attempt,
  })
}

function why(reason: Why['reason'], words: Localized, facts: { [key: string]: Json }): Why {
  return { reason, text: words, facts }
}

function text(ko: string, en: string): Localized {
  return { ko, en }
}
