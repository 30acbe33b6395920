/** Something wrong with a file that people wrote: where, by which rule, why, and what to do. */
export interface Problem {
  file: string
  /** From 1. */
  line: number
  /** From 1. */
  column: number
  /** The field, such as `steps[2].with.site`; empty for the whole file. */
  path: string
  /** The rule's name, stable for programs. */
  rule: string
  reason: string
  remedy: string
}

/** `file:line:column: reason`, as compilers print it, so that editors can jump there. */
export function problemLine(problem: Problem): string {
  const subject = problem.path === '' ? '' : `${problem.path}: `
  return `${problem.file}:${problem.line}:${problem.column}: ${subject}${problem.reason} (${problem.rule})`
}

/** Problems in the order in which a reader meets them. */
export function inReadingOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted(
    (a, b) =>
      a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column || a.rule.localeCompare(b.rule),
  )
}
