import { readFile, writeFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'
import { parse } from 'yaml'
import { parseSystemsText, type RegisteredSystem } from './systems-text.ts'
import { labs, labYaml, type LabName } from './generate-lab.ts'

/*
 * `npm run estate:generate`: makes estate/estate.yaml and the labs' overlays from the origin text, so that the
 * estate can be compared with what was handed over, line by line. A test holds the files equal to this.
 */

const head = `# Made from systems.txt and names.yaml by \`npm run estate:generate\`; do not edit by hand.
apiVersion: haetae/v1
kind: Estate

sites:
  - { id: daejeon, name: { ko: 대전센터, en: Daejeon Center } }
  - { id: gwangju, name: { ko: 광주센터, en: Gwangju Center } }
  - { id: daegu, name: { ko: 대구센터, en: Daegu Center } }

# Recovery targets: how long service may be away, and how much of what was acknowledged may be lost.
targets:
  T0: { rto: 30m, rpo: 0s }
  G1: { rto: 1h, rpo: 5m }
  G2: { rto: 6h, rpo: 1h }
  G3: { rto: 72h, rpo: 24h }
  G4: { rto: 21d, rpo: 31d }

systems:
`

/** The estate file for the origin text and the English names (id → name). Throws when a name is missing. */
export function estateYaml(systems: RegisteredSystem[], names: Record<string, string>): string {
  return head + systems.map((system) => entry(system, names[system.id])).join('\n')
}

function entry(system: RegisteredSystem, en: string | undefined): string {
  if (en === undefined) throw new Error(`names.yaml has no English name for ${system.id}`)
  const lines = [
    `  - id: ${system.id}`,
    `    name: { ko: ${system.ko}, en: ${/[,:]/.test(en) ? `'${en}'` : en} }`,
    `    owner: ${system.owner}`,
    `    grade: ${system.grade}`,
    `    home: ${system.home}`,
    ...(system.room === undefined ? [] : [`    room: '${system.room}'`]),
    ...(system.recovery === undefined ? [] : [`    recovery: ${system.recovery}`]),
    `    dependsOn: { hard: [${system.hard.join(', ')}], soft: [${system.soft.join(', ')}] }`,
  ]
  return `${lines.join('\n')}\n`
}

const labNames = Object.keys(labs) as LabName[]

/** The files made from the folder's origin: file name → text. */
export async function generateEstate(folder: URL): Promise<Record<string, string>> {
  const systems = parseSystemsText(await readFile(new URL('systems.txt', folder), 'utf8'))
  const names = parse(await readFile(new URL('names.yaml', folder), 'utf8')) as Record<string, string>
  const style = await resolveConfig(new URL('estate.yaml', folder))
  const pretty = (text: string) => format(text, { ...style, parser: 'yaml' })
  const overlay = async (name: LabName) => [`${name}.yaml`, await pretty(labYaml(systems, name))] as const
  return {
    'estate.yaml': await pretty(estateYaml(systems, names)),
    ...Object.fromEntries(await Promise.all(labNames.map(overlay))),
  }
}

if (import.meta.main) {
  const folder = new URL('../../estate/', import.meta.url)
  for (const [name, text] of Object.entries(await generateEstate(folder))) {
    await writeFile(new URL(name, folder), text)
    console.log(`estate/${name} written`)
  }
}
