/** A text for people, in both languages. Neither is a translation of convenience: both are shown. */
export interface Localized {
  ko: string
  en: string
}
