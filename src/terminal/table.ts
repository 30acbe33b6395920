import { cut, displayWidth, pad, wrap } from './width.ts'
import { paint, type Paint } from './paint.ts'

/** The width that tables keep to: what a console of an operations room shows. */
export const pageWidth = 100

export interface Column<T> {
  title: string
  text: (row: T) => string
  /** Colour beside the text, never instead of it. */
  paint?: (row: T) => Paint | undefined
  /** The widest column with this is cut first when the table is too wide. */
  shrink?: boolean
  /** Only of the last column: what does not fit goes on in further lines, so that no reason is lost. */
  wrap?: boolean
}

/** What a wrapped column keeps at the least, so that it stays readable. */
const narrowestWrapped = 30

/** A table in lines of at most `width` columns: two spaces between columns, headings underlined by nothing. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], width = pageWidth): string[] {
  const cells = rows.map((row) => columns.map((column) => column.text(row).replace(/\s+/g, ' ')))
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...cells.map((line) => displayWidth(line[index] ?? ''))),
  )
  fit(columns, widths, width)
  const render = (texts: readonly string[], colour: (index: number) => Paint | undefined): string[] => {
    const last = texts.length - 1
    const [first = '', ...rest] =
      columns[last]?.wrap === true ? wrap(texts[last] ?? '', widths[last] ?? width) : [texts[last] ?? '']
    const indent = ' '.repeat(widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0))
    return [line([...texts.slice(0, -1), first], colour), ...rest.map((more) => indent + more)]
  }
  const line = (texts: readonly string[], colour: (index: number) => Paint | undefined): string =>
    texts
      .map((text, index) => {
        const room = widths[index] ?? 0
        const shown = cut(text, room)
        const filled = index === texts.length - 1 ? shown : pad(shown, room)
        const how = colour(index)
        return how === undefined ? filled : paint(how, filled)
      })
      .join('  ')
      .trimEnd()
  const head = render(
    columns.map((column) => column.title),
    () => 'dim',
  )
  return [
    ...head,
    ...cells.flatMap((texts, at) => render(texts, (index) => columns[index]?.paint?.(rows[at] as T))),
  ]
}

/** Narrows the columns that may shrink, widest first, until the line fits. */
function fit<T>(columns: readonly Column<T>[], widths: number[], width: number): void {
  const total = () => widths.reduce((sum, one) => sum + one, 0) + 2 * (widths.length - 1)
  columns.forEach((column, index) => {
    if (column.wrap !== true) return
    widths[index] = Math.min(
      widths[index] ?? 0,
      Math.max(narrowestWrapped, width - total() + (widths[index] ?? 0)),
    )
  })
  while (total() > width) {
    let widest = -1
    columns.forEach((column, index) => {
      if (column.shrink === true && (widths[index] ?? 0) > Math.max(8, widths[widest] ?? 0)) widest = index
    })
    if (widest === -1) return
    widths[widest] = Math.max(
      8,
      (widths[widest] ?? 0) - (total() - width),
      secondWidest(columns, widths, widest),
    )
  }
}

function secondWidest<T>(columns: readonly Column<T>[], widths: readonly number[], widest: number): number {
  const others = widths.filter((_, index) => index !== widest && columns[index]?.shrink === true)
  const next = Math.max(8, ...others)
  return next === widths[widest] ? next - 1 : next
}
