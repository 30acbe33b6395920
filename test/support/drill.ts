import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isHaetaeError } from '#model/errors.ts'
import { drill, type Moments } from '../../lab/drill/drill.ts'
import { Narrator } from '../../lab/drill/narrator.ts'
import type { Scene } from '../../lab/drill/scene.ts'
import { down } from '../../lab/down.ts'
import type { DrillReport } from '../../lab/report/report.ts'
import type { LabSystem } from '../../lab/systems/lab-system.ts'

/** A drill that has run, its lab still up. */
export interface PlayedDrill {
  scene: Scene
  report: DrillReport
  /** The page's text. */
  page: string
  /** A system of the lab by its id. */
  system(id: string): LabSystem
  /** What was told to people. */
  told: string
  end(): Promise<void>
}

/** Plays a whole drill in the tests' own lab. What was told until then is printed when it fails. */
export async function playDrill(how: { lag?: string; moments?: Moments } = {}): Promise<PlayedDrill> {
  const reports = await mkdtemp(join(tmpdir(), 'drill-'))
  let told = ''
  const narrator = new Narrator('en', { write: (text: string) => (told += text) })
  const options = { interactive: false, lag: how.lag, language: 'en' as const, help: false }
  const { signal } = new AbortController()
  const moments = how.moments === undefined ? {} : { moments: how.moments }
  try {
    const { scene, written } = await drill({ options, signal, narrator, reports, ...moments })
    return {
      ...{ scene, report: written.report, page: await readFile(written.html, 'utf8'), told },
      system: (id) => {
        const found = scene.systems.find((system) => system.id === id)
        if (found === undefined) throw new Error(`the lab does not run ${id}`)
        return found
      },
      end: async () => {
        await rm(reports, { recursive: true, force: true })
        await down(scene.instance)
      },
    }
  } catch (error) {
    await rm(reports, { recursive: true, force: true })
    process.stderr.write(told)
    if (isHaetaeError(error)) process.stderr.write(`${error.message}\n${error.why ?? ''}\n`)
    throw error
  }
}
