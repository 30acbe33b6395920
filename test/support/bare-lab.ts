import { SITES_ONLY } from '../../lab/contents.ts'
import { down } from '../../lab/down.ts'
import type { Instance } from '../../lab/instance.ts'
import { status, type LabStatus } from '../../lab/status.ts'
import { up } from '../../lab/up.ts'
import { testInstance } from './test-lab.ts'

/**
 * Two sites without systems, shared by the lab files: the first that asks brings them up, the next finds them. Whoever
 * loses or fills a site takes the lab down; the end of the tier does it in any case (lab-setup.ts).
 */
export async function bareLab(): Promise<Instance> {
  const instance = testInstance()
  if (!isWholeAndBare(await status(instance))) {
    await down(instance)
    await up({ instance, contents: SITES_ONLY })
  }
  return instance
}

function isWholeAndBare({ state, link, citizens, sites }: LabStatus): boolean {
  const whole = sites.every((site) => site.state === 'up' && Object.values(site.parts).every(Boolean))
  return state === 'up' && link === 'up' && citizens === false && whole && !sites.some(({ daemon }) => daemon)
}
