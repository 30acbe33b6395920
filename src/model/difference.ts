/** Two values of one thing. */
export interface Difference {
  name: string
  a: unknown
  b: unknown
}

/** One thing that is not as it was approved; null: not there. */
export interface ApprovedDifference {
  name: string
  approved: unknown
  now: unknown
}

/** As `plan diff` marks it: `+` comes, `-` goes, `~` changes. */
export function differenceText({ name, approved, now }: ApprovedDifference): string {
  if (approved === null && now !== null) return `+ ${name}: ${said(now)}`
  if (now === null && approved !== null) return `- ${name}: ${said(approved)}`
  return `~ ${name}: ${said(approved)} → ${said(now)}`
}

const longestValue = 200

/** The same with the beginning of a long value only: for a journal, which keeps it for ever. */
export function shortened({ name, approved, now }: ApprovedDifference): ApprovedDifference {
  return { name, approved: short(approved), now: short(now) }
}

function short(value: unknown): unknown {
  const text = JSON.stringify(value) ?? ''
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : value
}

function said(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** What is only in one of two lists, and what is in both, by a key. */
export function matched<T>(a: readonly T[], b: readonly T[], keyOf: (item: T) => string) {
  const [byA, byB] = [a, b].map((items) => new Map(items.map((item) => [keyOf(item), item]))) as [
    Map<string, T>,
    Map<string, T>,
  ]
  return {
    onlyA: [...byA].flatMap(([key, item]) => (byB.has(key) ? [] : [item])),
    onlyB: [...byB].flatMap(([key, item]) => (byA.has(key) ? [] : [item])),
    both: [...byA].flatMap(([key, item]): [T, T][] => {
      const other = byB.get(key)
      return other === undefined ? [] : [[item, other]]
    }),
  }
}

/** Every place where two JSON values differ, by its path. The order of a list counts, that of fields does not. */
export function fieldsOf(a: unknown, b: unknown, path = ''): Difference[] {
  if (isObject(a) && isObject(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])]
      .toSorted()
      .flatMap((name) => fieldsOf(a[name], b[name], path === '' ? name : `${path}.${name}`))
  }
  return JSON.stringify(a) === JSON.stringify(b) ? [] : [{ name: path, a, b }]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
