import type { Problem } from '#platform/yaml/problem.ts'
import { paint } from './paint.ts'

/** A mistake in a file: the place as compilers print it, why, and what to do. */
export function problemText(problem: Problem): string[] {
  const subject = problem.path === '' ? '' : `${problem.path}: `
  return [
    `${paint('bold', `${problem.file}:${problem.line}:${problem.column}`)}: ${subject}${problem.reason} (${problem.rule})`,
    `    ${problem.remedy}`,
  ]
}
