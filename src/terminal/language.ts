import type { Localized } from '#model/localized.ts'
import { inKoreanTime } from './time.ts'

export type Language = 'ko' | 'en'

/** The language of a person: `--lang`, HAETAE_LANG, or the locale; English when none says Korean. */
export function languageOf(flag: string | undefined, environment: NodeJS.ProcessEnv): Language {
  const locale = environment['LC_ALL'] || environment['LC_MESSAGES'] || environment['LANG']
  const said = flag ?? environment['HAETAE_LANG'] ?? locale ?? ''
  return said.toLowerCase().startsWith('ko') ? 'ko' : 'en'
}

/** A text in the language, its instants in Korean time; a plain string is what there is. */
export function inLanguage(text: Localized | string | null | undefined, language: Language): string {
  if (text === null || text === undefined) return ''
  return inKoreanTime(typeof text === 'string' ? text : text[language])
}
