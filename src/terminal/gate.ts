import type { GateView } from '#api/schema/approval.ts'
import type { Statement } from '#approval/statement.ts'
import { inLanguage, type Language } from './language.ts'
import { paint } from './paint.ts'

const words = {
  ko: {
    signed: '서명',
    refusedBy: '거부',
    may: '서명 가능 역할',
    rule: '규칙',
    ignored: '세지 않음',
    broken: '긴급 승인',
    statement: '서명하는 내용',
    installation: '설비',
    run: '실행',
    systems: '시스템',
    plan: '실행 계획',
    keys: { any: '', hardware: ', 하드웨어 키만', verified: ', PIN·지문을 확인한 하드웨어 키만' },
  },
  en: {
    signed: 'signed',
    refusedBy: 'refused by',
    may: 'may sign',
    rule: 'rule',
    ignored: 'not counted',
    broken: 'GLASS BROKEN by',
    statement: 'What you sign',
    installation: 'installation',
    run: 'run',
    systems: 'systems',
    plan: 'plan',
    keys: { any: '', hardware: ', hardware keys only', verified: ', hardware keys with PIN or finger only' },
  },
} as const

/** One gate on one line: how many signed, who, and while it waits who may and which rule says so. */
export function gateLine(gate: GateView, language: Language): string {
  const say = words[language]
  const names = gate.given.map((one) => one.principal).join(', ') || '-'
  const refused = gate.refusedBy.length === 0 ? '' : `; ${say.refusedBy} ${gate.refusedBy.join(', ')}`
  const may = `; ${say.may}: ${gate.roles.join(', ')}${say.keys[gate.keys]}; ${say.rule}: ${gate.rules.join(', ')}`
  const missing = gate.state === 'waiting' ? may : ''
  return `${gate.gate} ${gate.state} ${gate.given.length}/${gate.quorum} (${say.signed}: ${names})${refused}${missing}`
}

/** The gate, and below it who broke its glass, and whose signature is not counted, with why. */
export function gateLines(gate: GateView, language: Language): string[] {
  const say = words[language]
  return [
    gateLine(gate, language),
    ...gate.brokenBy.map((one) => paint('red', `  ${say.broken} ${one.principal}: ${one.reason}`)),
    ...gate.ignored.map(
      ({ principal, why }) => `  ${say.ignored}: ${principal}: ${inLanguage(why, language)}`,
    ),
  ]
}

/** What a signature will be over: the plan is bound by its digest, and so are the systems where they are many. */
export function statementLines(statement: Statement, language: Language): string[] {
  const say = words[language]
  const { installation, run, scope, planDigest } = statement
  const { systems } = scope
  const shown = 'count' in systems ? `${systems.count} (${systems.digest})` : systems.join(', ')
  return [
    `${say.statement}:`,
    `  ${say.installation} ${installation}, ${say.run} ${run}`,
    `  ${say.systems}: ${shown}`,
    `  ${say.plan}: ${planDigest}`,
  ]
}
