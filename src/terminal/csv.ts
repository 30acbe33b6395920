/**
 * Rows as CSV (RFC 4180, with a heading, CRLF). A text that a spreadsheet would run as a formula gets an
 * apostrophe before it.
 */
export function csv(columns: readonly string[], rows: readonly Record<string, unknown>[]): string {
  const line = (cells: readonly string[]) => `${cells.map(quoted).join(',')}\r\n`
  return [line(columns), ...rows.map((row) => line(columns.map((name) => cell(row[name]))))].join('')
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return JSON.stringify(value)
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
