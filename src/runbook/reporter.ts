import type { Path, YamlDocument } from '#platform/yaml/document.ts'
import type { Problem } from '#platform/yaml/problem.ts'
import { pathText } from '#platform/yaml/shape.ts'

/** Collects the problems of one file, each with its place. */
export interface Reporter {
  readonly document: YamlDocument
  readonly problems: Problem[]
  /** `offset`: where in the text at `path` the mistake is, in characters. */
  report(path: Path, rule: string, reason: string, remedy: string, offset?: number): void
  /** The same, at the name of the field. */
  reportField(path: Path, rule: string, reason: string, remedy: string): void
}

export function createReporter(document: YamlDocument): Reporter {
  const problems: Problem[] = []
  const add = (path: Path, column: number, line: number, rule: string, reason: string, remedy: string) =>
    problems.push({ file: document.file, line, column, path: pathText(path), rule, reason, remedy })
  return {
    document,
    problems,
    report(path, rule, reason, remedy, offset = 0) {
      const { line, column } = offset > 0 ? document.atCharacter(path, offset) : document.at(path)
      add(path, column, line, rule, reason, remedy)
    },
    reportField(path, rule, reason, remedy) {
      const { line, column } = document.at(path, 'key')
      add(path, column, line, rule, reason, remedy)
    },
  }
}
