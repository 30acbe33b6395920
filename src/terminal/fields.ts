import { pageWidth } from './table.ts'
import { displayWidth, pad, wrap } from './width.ts'

/** Names and texts as two columns; long texts are broken into lines. Empty texts are left out. */
export function fields(rows: readonly (readonly [string, string])[]): string[] {
  const shown = rows.filter(([, text]) => text !== '')
  const width = Math.max(0, ...shown.map(([name]) => displayWidth(name))) + 1
  return shown.flatMap(([name, text]) =>
    wrap(text, pageWidth - width - 1).map(
      (line, index) => `${pad(index === 0 ? `${name}:` : '', width)} ${line}`,
    ),
  )
}
