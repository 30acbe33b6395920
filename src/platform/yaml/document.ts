import {
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
} from 'yaml'
import { messageOf } from '#model/errors.ts'
import type { Problem } from './problem.ts'

export type Path = readonly (string | number)[]

/** A YAML file as data, which remembers where each value stands. */
export interface YamlDocument {
  readonly file: string
  /** Plain data, safe to hand to zod. undefined when the text could not be read at all. */
  readonly value: unknown
  /** What is wrong with the text as YAML. Empty before anything else is worth checking. */
  readonly problems: readonly Problem[]
  /** Where a value begins, or its key; the nearest thing around it when there is no such path. Lines and columns from 1. */
  at(path: Path, part?: 'key' | 'value'): { line: number; column: number }
  /** Where a character of a text stands; where the text begins, when it is written otherwise than it is read. */
  atCharacter(path: Path, offset: number): { line: number; column: number }
}

const maxLength = 16 * 1024 * 1024
const poisonous = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Reads one YAML document. Anchors and aliases are refused (a file that people review says each thing where it is
 * used, and an alias bomb has no way in), and so are tags, duplicate keys and keys that name a prototype.
 * Never throws: what is wrong is in `problems`.
 */
export function readYaml(text: string, file: string): YamlDocument {
  if (text.length > maxLength)
    return unreadable(file, `the file is larger than ${maxLength / 1024 / 1024} MiB`)
  const lines = new LineCounter()
  let doc: Document
  try {
    doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: false, merge: false })
  } catch (error) {
    return unreadable(file, `it is nested too deep or broken: ${messageOf(error)}`)
  }
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const problem = (offset: number, reason: string, remedy: string): Problem => ({
    file,
    ...position(offset),
    path: '',
    rule: 'yaml',
    reason,
    remedy,
  })
  const problems = [...doc.errors, ...doc.warnings].map((error) =>
    problem(error.pos[0], error.message, 'Correct the YAML.'),
  )
  if (problems.length === 0) problems.push(...refused(doc, problem))
  return {
    file,
    value: problems.length === 0 ? doc.toJS({ maxAliasCount: 0 }) : undefined,
    problems,
    at: (path, part = 'value') => position(offsetOf(doc, path, part)),
    atCharacter(path, offset) {
      const node = walk(doc, path).at(-1)?.value
      const start = offsetOf(doc, path, 'value')
      return position(start + (verbatimFrom(node) ?? -offset) + offset)
    },
  }
}

/** What YAML allows and Haetae does not. */
function refused(
  doc: Document,
  problem: (offset: number, reason: string, remedy: string) => Problem,
): Problem[] {
  const found: Problem[] = []
  visit(doc, {
    Alias(_key, node) {
      found.push(
        problem(node.range?.[0] ?? 0, 'aliases are not allowed', 'Write the value where it is used.'),
      )
    },
    Node(_key, node) {
      if (node.anchor !== undefined)
        found.push(
          problem(node.range?.[0] ?? 0, 'anchors are not allowed', 'Write the value where it is used.'),
        )
    },
    Pair(_key, { key }) {
      if (!isScalar(key))
        found.push(problem(offsetOfNode(key), 'a key must be plain text', 'Write a name before the colon.'))
      else if (poisonous.has(String(key.value)))
        found.push(problem(offsetOfNode(key), `the key ${String(key.value)} is not allowed`, 'Remove it.'))
    },
  })
  return found
}

interface Step {
  pair?: Pair
  value: unknown
}

/** The nodes on the way along a path, as far as it goes; the document's contents first. */
function walk(doc: Document, path: Path): Step[] {
  const steps: Step[] = [{ value: doc.contents }]
  for (const part of path) {
    const node = steps.at(-1)?.value
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part))
      if (pair === undefined) break
      steps.push({ pair, value: pair.value })
    } else if (isSeq(node)) {
      const item = node.items[Number(part)]
      if (item === undefined) break
      steps.push({ value: item })
    } else break
  }
  return steps
}

function offsetOf(doc: Document, path: Path, part: 'key' | 'value'): number {
  const steps = walk(doc, path)
  const last = steps.at(-1)
  if (last?.pair !== undefined && (part === 'key' || offsetOfNode(last.value) === 0))
    return offsetOfNode(last.pair.key)
  return offsetOfNode(last?.value)
}

/** How many characters of mark-up a text begins with, when the rest is written as it is read; undefined otherwise. */
function verbatimFrom(node: unknown): number | undefined {
  if (!isScalar(node) || typeof node.value !== 'string' || node.range == null) return undefined
  const extra = node.range[1] - node.range[0] - node.value.length
  if (node.value.includes('\n')) return undefined
  if (node.type === 'PLAIN') return extra === 0 ? 0 : undefined
  return extra === 2 && (node.type === 'QUOTE_SINGLE' || node.type === 'QUOTE_DOUBLE') ? 1 : undefined
}

function offsetOfNode(node: unknown): number {
  return isScalar(node) || isCollection(node) ? ((node as Node).range?.[0] ?? 0) : 0
}

function unreadable(file: string, reason: string): YamlDocument {
  const at = { line: 1, column: 1 }
  const problem = { file, ...at, path: '', rule: 'yaml', reason, remedy: 'Correct the YAML.' }
  return { file, value: undefined, problems: [problem], at: () => at, atCharacter: () => at }
}
