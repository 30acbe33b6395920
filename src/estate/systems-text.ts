import type { Grade } from './estate.ts'

/** One line of systems.txt, as it stands there. */
export interface RegisteredSystem {
  id: string
  ko: string
  owner: string
  grade: Grade
  home: string
  room: string | undefined
  recovery: string | undefined
  hard: string[]
  soft: string[]
}

const siteNames: Record<string, string> = { DJ: 'daejeon', GJ: 'gwangju', DG: 'daegu' }
const linePattern =
  /^(?<id>\S+) (?<ko>.+?) \| (?<owner>\S+) \| (?<grade>T0|G[1-4]) \| (?<home>\S+) \| (?<hard>[^;]+?)(?: ; \((?<soft>.+)\))?$/

/**
 * The systems of the origin text, one a line: `ID name | owner | grade | home->recovery/room | hard ; (soft)`.
 * Lines that begin with `#` are comments. Throws an Error that names the line which does not read.
 */
export function parseSystemsText(text: string): RegisteredSystem[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return []
    const fields = linePattern.exec(line.trim())?.groups
    if (fields === undefined) throw new Error(`line ${index + 1} does not read as a system: ${line}`)
    const { id = '', ko = '', owner = '', grade, home = '', hard = '', soft = '' } = fields
    return [
      { id, ko, owner, grade: grade as Grade, ...placeOf(home, index), hard: idsOf(hard), soft: idsOf(soft) },
    ]
  })
}

/** `DJ/7-1` is a room, `DJ->GJ` a recovery site, `each` a foundation of every site. */
function placeOf(text: string, index: number): Pick<RegisteredSystem, 'home' | 'room' | 'recovery'> {
  if (text === 'each') return { home: 'each', room: undefined, recovery: undefined }
  const [sites = '', room] = text.split('/')
  const [home = '', recovery] = sites.split('->').map((short) => {
    const site = siteNames[short]
    if (site === undefined) throw new Error(`line ${index + 1} names the unknown site ${short}`)
    return site
  })
  return { home, room, recovery }
}

function idsOf(text: string): string[] {
  return text === '-' || text === '' ? [] : text.split(',').map((id) => id.trim())
}
