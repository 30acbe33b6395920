/** What a text in a YAML file stands for. */
export type Template =
  | { kind: 'text'; text: string }
  /** The whole value is one expression; `offset` is where its source begins in the text. */
  | { kind: 'expression'; source: string; offset: number }
  /** Text and expression in one: refused, because values are typed and never pasted into text. */
  | { kind: 'mixed' }

export const mixedRemedy =
  'Make the whole value one expression: ${{ "https://" + system.traffic.name }} instead of https://${{ system.traffic.name }}.'

/** `${{ expr }}` is an expression when it is the whole value. */
export function readTemplate(text: string): Template {
  const opening = text.indexOf('${{')
  if (opening < 0) return { kind: 'text', text }
  const trimmed = text.trim()
  const inner = trimmed.slice(3, -2)
  const whole = trimmed.startsWith('${{') && trimmed.endsWith('}}') && trimmed.length >= 5
  if (!whole || /\}\}[^]*\$\{\{/.test(inner)) return { kind: 'mixed' }
  const source = inner.trim()
  return { kind: 'expression', source, offset: opening + 3 + inner.indexOf(source) }
}
