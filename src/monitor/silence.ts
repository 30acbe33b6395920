import { instant, type Clock } from '#model/time.ts'
import type { Vantage } from './vantage.ts'

/** The same shape as authority's port `SourceSilence`, which this fills. */
export interface SilenceLook {
  silent: boolean
  at: string
  vantages: { vantage: string; answered: boolean; why: string }[]
}

/**
 * Looks at a site from every vantage point now, not from memory.
 * Silent: no vantage point got an answer, and at least one of them really looked.
 */
export async function lookForAnswer(
  site: string,
  vantages: readonly Vantage[],
  clock: Pick<Clock, 'now'>,
  signal: AbortSignal,
): Promise<SilenceLook> {
  const looks = await Promise.all(
    vantages
      .filter((vantage) => vantage.site === site)
      .map(async (vantage) => ({ vantage, look: await vantage.look(signal) })),
  )
  const answered = looks.some(({ look }) => look.saw === 'answer')
  const looked = looks.some(({ look }) => look.saw === 'silence')
  return {
    silent: looked && !answered,
    at: instant(clock.now()),
    vantages: looks.map(({ vantage, look }) => ({
      vantage: `${vantage.kind} of ${site}`,
      answered: look.saw === 'answer',
      why: look.saw === 'unavailable' ? `could not look: ${look.why}` : look.why,
    })),
  }
}
