import type { ASTNode } from '@marcbachmann/cel-js'

/** A path that an expression reads, from a variable on, as far as it is written out. */
export type Reference = readonly string[]

interface Findings {
  references: Reference[]
  /** Texts written in it. */
  texts: string[]
  /** The deepest nesting of loops (`map`, `filter`, `all`, `exists`). */
  loops: number
  refused: { offset: number; reason: string; remedy: string } | undefined
}

type Node = Pick<ASTNode, 'op' | 'args'> & { start?: number; pos?: number }

const loopNames = new Set(['all', 'exists', 'exists_one', 'map', 'filter', 'bind'])

/** Reads from the parsed form of an expression what it refers to and what it must not do. */
export function inspect(root: ASTNode): Findings {
  const found: Findings = { references: [], texts: [], loops: 0, refused: undefined }
  visit(root as Node, 0, found)
  return found
}

function visit(node: Node, loops: number, found: Findings): void {
  if (node.op === 'value' && typeof node.args === 'string') found.texts.push(node.args)
  const path = pathOf(node)
  if (path !== undefined) {
    found.references.push(path)
    return
  }
  const name =
    (node.op === 'call' || node.op === 'rcall') && Array.isArray(node.args) ? node.args[0] : undefined
  found.refused ??= refusalOf(node, name)
  const inner = node.op === 'rcall' && typeof name === 'string' && loopNames.has(name) ? loops + 1 : loops
  found.loops = Math.max(found.loops, inner)
  for (const child of childrenOf(node.args)) visit(child, inner, found)
}

function refusalOf(node: Node, called: unknown): Findings['refused'] {
  const offset = node.start ?? 0
  if (called === 'matches')
    return {
      offset,
      reason: 'matches is not allowed: a pattern can take for ever on a long text',
      remedy: 'Use ==, startsWith, endsWith, contains or in.',
    }
  if (node.op === 'value' && node.args === '__proto__')
    return { offset, reason: 'the name __proto__ is not allowed', remedy: 'Choose another name.' }
  return undefined
}

/** `['a', 'b', 'c']` for `a.b["c"]`; undefined for anything that is not such a chain. */
function pathOf(node: Node): string[] | undefined {
  if (node.op === 'id') return typeof node.args === 'string' ? [node.args] : undefined
  if (node.op !== '.' && node.op !== '[]') return undefined
  const [base, key] = node.args as unknown as [Node, unknown]
  const part = node.op === '.' ? key : literalOf(key)
  const path = pathOf(base)
  return path === undefined || typeof part !== 'string' ? undefined : [...path, part]
}

function literalOf(key: unknown): unknown {
  return isNode(key) && key.op === 'value' ? key.args : undefined
}

function childrenOf(args: unknown): Node[] {
  if (isNode(args)) return [args]
  return Array.isArray(args) ? args.flatMap(childrenOf) : []
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}
