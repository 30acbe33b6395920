import { catalogue } from '#model/error-catalogue.ts'
import type { HaetaeError } from '#model/errors.ts'
import type { Language } from './language.ts'
import { paint } from './paint.ts'
import { inKoreanTime } from './time.ts'
import { pad, wrap } from './width.ts'

const labels = {
  ko: { where: '위치', why: '이유', remedy: '조치', code: '코드' },
  en: { where: 'where', why: 'why', remedy: 'to do', code: 'code' },
}

/** An error for a person: what, where, why, what to do, and the code to search for. */
export function problemLines(error: HaetaeError, language: Language): string[] {
  const entry = catalogue[error.code]
  const label = labels[language]
  const what = `${language === 'ko' ? entry.ko : entry.en}: ${error.what}`
  const rows: [string, string | undefined][] = [
    [label.where, error.where],
    [label.why, (language === 'ko' ? error.whyKo : undefined) ?? error.why],
    [label.remedy, (language === 'ko' ? error.remedyKo : undefined) ?? error.remedy],
    [label.code, `${error.code} (exit ${error.exitCode})`],
  ]
  const mark = language === 'ko' ? '오류' : 'Error'
  return [
    paint('red', `${mark}: ${what}`),
    ...rows.flatMap(([name, text]) => {
      if (text === undefined || text === '') return []
      const [first = '', ...others] = wrap(inKoreanTime(text), 88)
      return [`  ${pad(`${name}:`, 7)} ${first}`, ...others.map((line) => `          ${line}`)]
    }),
  ]
}
