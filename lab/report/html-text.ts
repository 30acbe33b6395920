/** HTML that is already safe. Only `html` makes it from text. */
export class Safe {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Value = Safe | string | number | readonly Value[]

/** A template whose values are escaped unless they are safe already; lists are joined. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Safe {
  return new Safe(parts.reduce((text, part, index) => text + safe(values[index - 1] ?? '') + part))
}

function safe(value: Value): string {
  if (value instanceof Safe) return value.text
  if (typeof value === 'object') return value.map(safe).join('')
  return String(value).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
