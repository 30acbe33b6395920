import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { z } from 'zod'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { readYaml, type Path, type YamlDocument } from '#platform/yaml/document.ts'
import { inReadingOrder, problemLine, type Problem } from '#platform/yaml/problem.ts'
import { checkShape, pathText } from '#platform/yaml/shape.ts'
import { checkEstate, type Origins } from './check.ts'
import { estateSchema, overlaySchema, type Estate, type EstateOverlay, type System } from './estate.ts'

/** One file of the estate: where it came from, and its text. */
export interface EstateFile {
  /** As it is named in problems: a path that the reader can open. */
  file: string
  text: string
}

/**
 * The estate from its files: one of kind Estate, and any number of overlays laid over it in the order given.
 * Throws `estate-invalid` with all problems at once (`facts.problems`), `estate-unreadable` for a file that cannot be read.
 */
export async function loadEstate(files: readonly string[]): Promise<Estate> {
  const texts = await Promise.all(
    files.map(async (file) => ({
      file,
      text: await readFile(file, 'utf8').catch((error: unknown) => {
        throw new HaetaeError('estate-unreadable', file, { where: file, why: messageOf(error), cause: error })
      }),
    })),
  )
  return estateFrom(texts)
}

/** The estate from texts that were read already. Throws `estate-invalid`. */
export function estateFrom(files: readonly EstateFile[]): Estate {
  const { estate, problems } = readEstate(files)
  if (estate !== undefined && problems.length === 0) return estate
  throw new HaetaeError('estate-invalid', files.map(({ file }) => basename(file)).join(', '), {
    where: problems
      .slice(0, 1)
      .map(({ file, line, column }) => `${file}:${line}:${column}`)
      .join(''),
    why: problems.map(problemLine).join('\n'),
    facts: { problems },
  })
}

/** The estate and everything that is wrong with it, in reading order. Never throws. */
export function readEstate(files: readonly EstateFile[]): { estate?: Estate; problems: Problem[] } {
  const documents = files.map(({ file, text }) => readYaml(text, file))
  const bases: { document: YamlDocument; estate: Estate }[] = []
  const overlays: { document: YamlDocument; overlay: EstateOverlay }[] = []
  const problems: Problem[] = []
  for (const document of documents) {
    if (kindOf(document.value) === 'EstateOverlay') {
      const read = checkShape(document, overlaySchema)
      problems.push(...read.problems)
      if (read.value !== undefined) overlays.push({ document, overlay: read.value })
    } else {
      const read = checkShape(document, estateSchema)
      problems.push(...read.problems)
      if (read.value !== undefined) bases.push({ document, estate: read.value })
    }
  }
  const [base, second] = bases
  if (second !== undefined) problems.push(secondBase(second.document))
  if (base === undefined || problems.length > 0)
    return { problems: inReadingOrder(problems.length > 0 ? problems : [noBase(files)]) }
  const { estate, origins, strangers } = lay(base, overlays)
  return { estate, problems: inReadingOrder([...strangers, ...checkEstate(estate, origins)]) }
}

function kindOf(value: unknown): unknown {
  return z.object({ kind: z.unknown() }).safeParse(value).data?.kind
}

/** Lays the overlays over the registered systems, remembering who wrote what. */
function lay(
  base: { document: YamlDocument; estate: Estate },
  overlays: { document: YamlDocument; overlay: EstateOverlay }[],
): { estate: Estate; origins: Origins; strangers: Problem[] } {
  const systems: System[] = [...base.estate.systems]
  const indexOf = new Map(systems.map(({ id }, index) => [id, index]))
  const written = new Map<string, { document: YamlDocument; path: Path }>()
  const leftOut = base.estate.leftOut.map((entry, index) => {
    written.set(`leftOut ${entry.id}`, { document: base.document, path: ['leftOut', index, 'id'] })
    return entry
  })
  const strangers: Problem[] = []
  for (const { document, overlay } of overlays) {
    for (const [at, added] of overlay.systems.entries()) {
      const index = indexOf.get(added.id)
      const system = index === undefined ? undefined : systems[index]
      if (index === undefined || system === undefined) {
        strangers.push(stranger(document, ['systems', at, 'id'], added.id))
        continue
      }
      systems[index] = { ...system, ...added }
      for (const field of Object.keys(added))
        if (field !== 'id') written.set(`${index} ${field}`, { document, path: ['systems', at] })
    }
    for (const [group, { ids, why }] of overlay.leftOut.entries()) {
      for (const [at, id] of ids.entries()) {
        leftOut.push({ id, why })
        written.set(`leftOut ${id}`, { document, path: ['leftOut', group, 'ids', at] })
      }
    }
  }
  const origins: Origins = {
    system(index, path) {
      const by = written.get(`${index} ${String(path[0])}`) ?? {
        document: base.document,
        path: ['systems', index],
      }
      return { file: by.document.file, ...by.document.at([...by.path, ...path]) }
    },
    site: (index) => ({ file: base.document.file, ...base.document.at(['sites', index]) }),
    leftOut(id) {
      const by = written.get(`leftOut ${id}`) ?? { document: base.document, path: ['leftOut'] }
      return { file: by.document.file, ...by.document.at(by.path) }
    },
  }
  return { estate: { ...base.estate, systems, leftOut }, origins, strangers }
}

function stranger(document: YamlDocument, path: Path, id: string): Problem {
  return {
    file: document.file,
    ...document.at(path),
    path: pathText(path),
    rule: 'unknown-system',
    reason: `${id} is not registered in the estate`,
    remedy: 'Register it in the estate first; an overlay only says what an installation runs.',
  }
}

function secondBase(document: YamlDocument): Problem {
  return {
    file: document.file,
    line: 1,
    column: 1,
    path: 'kind',
    rule: 'one-estate',
    reason: 'there is a second file of kind Estate',
    remedy: 'Keep one; what an installation adds is of kind EstateOverlay.',
  }
}

function noBase(files: readonly EstateFile[]): Problem {
  return {
    file: files[0]?.file ?? 'estate',
    line: 1,
    column: 1,
    path: 'kind',
    rule: 'one-estate',
    reason: 'there is no file of kind Estate',
    remedy: 'Give the file that registers the systems first.',
  }
}
