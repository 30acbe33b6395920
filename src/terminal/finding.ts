import type { OpenFinding } from '#api/schema/common.ts'
import { inLanguage, type Language } from './language.ts'
import { paint } from './paint.ts'
import { pageWidth } from './table.ts'
import { dayAndTime } from './time.ts'
import { wrap } from './width.ts'

/** What people still owe, loudly, each once. Nothing when there is nothing. */
export function findingLines(findings: readonly OpenFinding[], language: Language): string[] {
  const each = new Map(findings.map((one) => [`${one.rule} ${one.subject}`, one]))
  if (each.size === 0) return []
  const title = language === 'ko' ? '열린 지적 사항' : 'Open findings'
  const lines = [...each.values()].flatMap((one) =>
    wrap(
      `${one.rule}, ${dayAndTime(one.since)} KST: ${inLanguage(one.message, language)}`,
      pageWidth - 4,
    ).map((line, at) => paint('red', `${at === 0 ? '  ' : '    '}${line}`)),
  )
  return ['', paint('cyan', title), ...lines]
}
