import { readFile } from 'node:fs/promises'
import { globSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { inReadingOrder, problemLine, type Problem } from '#platform/yaml/problem.ts'
import { linkAll, type Library } from './link.ts'
import { readDraft, type Draft, type RunbookContext } from './read.ts'
import type { Runbook } from './runbook.ts'

export type { RunbookContext } from './read.ts'

/**
 * A runbook from its text, and everything that is wrong with it, in reading order. `library`: the runbooks that it
 * may call. Never throws.
 */
export function readRunbook(
  text: string,
  file: string,
  context: RunbookContext,
  library: Library = new Map(),
): { runbook?: Runbook; problems: Problem[] } {
  const draft = readDraft(text, file, context)
  if (Array.isArray(draft)) return { problems: inReadingOrder(draft) }
  const { name } = draft.definition.metadata
  linkAll([draft], new Map([...library, [name, draft]]), context)
  return finished(draft)
}

function finished(draft: Draft): { runbook?: Runbook; problems: Problem[] } {
  const { file, definition, digest, graph, scope, reporter, compiled } = draft
  if (reporter.problems.length > 0) return { problems: inReadingOrder(reporter.problems) }
  const steps = graph.sequence.flatMap((id) => compiled.get(id) ?? [])
  return { runbook: { file, definition, digest, steps, scope }, problems: [] }
}

/** Everything that is wrong with a runbook's text, in reading order. Never throws. */
export function lintRunbook(
  text: string,
  file: string,
  context: RunbookContext,
  library?: Library,
): Problem[] {
  return readRunbook(text, file, context, library).problems
}

/**
 * Everything that is wrong with the runbooks of some files. What they call is looked for among them and in their
 * folders. Throws `runbook-unreadable`.
 */
export async function lintRunbookFiles(
  files: readonly string[],
  context: RunbookContext,
): Promise<Problem[]> {
  return (await readAll(files, context)).problems
}

/**
 * The runbooks of a set of files, by name; what they call is looked for among them and in their folders. Throws `runbook-invalid` with the problems of all files at once (`facts.problems`),
 * `runbook-unreadable` for a file that cannot be read.
 */
export async function loadRunbooks(
  files: readonly string[],
  context: RunbookContext,
): Promise<Map<string, Runbook>> {
  const { runbooks, problems } = await readAll(files, context)
  if (problems.length > 0) throw runbookInvalid(files, problems)
  return runbooks
}

/** A file of a runbook, and its text. */
export interface RunbookSource {
  file: string
  text: string
}

/** The files as they are now. Throws `runbook-unreadable`. */
export function readSources(files: readonly string[]): Promise<RunbookSource[]> {
  return Promise.all(files.map(async (file) => ({ file, text: await textOf(file) })))
}

/** The runbooks of texts that call only each other, by name. Throws `runbook-invalid`. */
export function runbooksFrom(
  sources: readonly RunbookSource[],
  context: RunbookContext,
): Map<string, Runbook> {
  const { runbooks, problems } = readTogether(sources, [], context)
  if (problems.length === 0) return runbooks
  throw runbookInvalid(
    sources.map(({ file }) => file),
    problems,
  )
}

async function readAll(
  files: readonly string[],
  context: RunbookContext,
): Promise<{ runbooks: Map<string, Runbook>; problems: Problem[] }> {
  return readTogether(await readSources(files), await neighbours(files, context), context)
}

function readTogether(
  sources: readonly RunbookSource[],
  beside: readonly Draft[],
  context: RunbookContext,
): { runbooks: Map<string, Runbook>; problems: Problem[] } {
  const read = sources.map(({ file, text }) => readDraft(text, file, context))
  const drafts = read.flatMap((each) => (Array.isArray(each) ? [] : [each]))
  const problems = read.flatMap((each) => (Array.isArray(each) ? each : []))
  const library = new Map<string, Draft>()
  for (const draft of [...drafts, ...beside]) {
    const { name } = draft.definition.metadata
    const other = library.get(name)
    if (other === undefined) library.set(name, draft)
    else if (drafts.includes(draft)) problems.push(sameName(draft, other))
  }
  linkAll(drafts, library, context)
  const runbooks = new Map<string, Runbook>()
  for (const draft of drafts) {
    const { runbook, problems: found } = finished(draft)
    problems.push(...found)
    if (runbook !== undefined) runbooks.set(runbook.definition.metadata.name, runbook)
  }
  return { runbooks, problems: inReadingOrder(problems) }
}

/** Other runbooks that stand beside the files; one that is wrong is left out, for its own lint to say. */
async function neighbours(files: readonly string[], context: RunbookContext): Promise<Draft[]> {
  const given = new Set(files.map((file) => resolve(file)))
  const folders = [...new Set([...given].map((file) => dirname(file)))]
  const beside = folders
    .flatMap((folder) => globSync('*.{yaml,yml}', { cwd: folder }).map((name) => join(folder, name)))
    .filter((file) => !given.has(file))
  const read = (await readSources(beside)).map(({ file, text }) => readDraft(text, file, context))
  return read.flatMap((each) => (Array.isArray(each) ? [] : [each]))
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new HaetaeError('runbook-unreadable', file, { where: file, why: messageOf(error), cause: error })
  })
}

function sameName({ file, definition }: Draft, other: Draft): Problem {
  return {
    file,
    line: 1,
    column: 1,
    path: 'metadata.name',
    rule: 'duplicate-name',
    reason: `${other.file} is named ${definition.metadata.name} too`,
    remedy: 'Give one of the two another name.',
  }
}

/** The error for problems of runbooks. */
export function runbookInvalid(files: readonly string[], problems: readonly Problem[]): HaetaeError {
  return new HaetaeError('runbook-invalid', files.map((file) => basename(file)).join(', '), {
    where: problems
      .slice(0, 1)
      .map(({ file, line, column }) => `${file}:${line}:${column}`)
      .join(''),
    why: problems.map(problemLine).join('\n'),
    facts: { problems },
  })
}
