/** Columns of one code point: 2 for Hangul, Han and other wide ones, 0 for what combines. */
function widthOf(point: number): number {
  if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return 0
  if ((point >= 0x300 && point <= 0x36f) || point === 0x200b || point === 0x200d || point === 0xfe0f) return 0
  const wide =
    (point >= 0x1100 && point <= 0x115f) ||
    (point >= 0x2e80 && point <= 0x303e) ||
    (point >= 0x3041 && point <= 0xa4cf) ||
    (point >= 0xac00 && point <= 0xd7a3) ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0xfe30 && point <= 0xfe6f) ||
    (point >= 0xff00 && point <= 0xff60) ||
    (point >= 0xffe0 && point <= 0xffe6) ||
    (point >= 0x1f300 && point <= 0x1faff) ||
    (point >= 0x20000 && point <= 0x3fffd)
  return wide ? 2 : 1
}

/** Columns that a text takes in a terminal; colour codes take none. */
export function displayWidth(text: string): number {
  let width = 0
  for (const char of plain(text)) width += widthOf(char.codePointAt(0) ?? 0)
  return width
}

/** The text without colour codes. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- colour codes begin with the control character ESC
  return text.replace(/\u001b\[[0-9;]*m/g, '')
}

/** The text filled with spaces up to a width. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)))
}

/** The text cut to a width, with an ellipsis where it was cut. Colour codes must not be in it. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let out = ''
  let used = 0
  for (const char of text) {
    const next = widthOf(char.codePointAt(0) ?? 0)
    if (used + next > width - 1) break
    out += char
    used += next
  }
  return `${out}…`
}

/** The text in lines of at most a width, broken between words, or inside one that is longer than a line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    let line = ''
    for (const word of paragraph.split(/\s+/).filter(Boolean)) {
      const joined = line === '' ? word : `${line} ${word}`
      if (displayWidth(joined) <= width) {
        line = joined
        continue
      }
      if (line !== '') lines.push(line)
      line = word
      while (displayWidth(line) > width) {
        const head = [...cut(line, width + 1)].slice(0, -1).join('')
        lines.push(head)
        line = line.slice(head.length)
      }
    }
    lines.push(line)
  }
  return lines
}
