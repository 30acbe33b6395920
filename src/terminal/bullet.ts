import { pageWidth } from './table.ts'
import { wrap } from './width.ts'

/** A line of a list, wrapped to the page. */
export function bullet(text: string, indent = 2): string[] {
  const [first = '', ...rest] = wrap(text, pageWidth - indent - 2)
  const margin = ' '.repeat(indent)
  return [`${margin}- ${first}`, ...rest.map((line) => `${margin}  ${line}`)]
}
