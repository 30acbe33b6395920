import { createInterface } from 'node:readline/promises'
import { HaetaeError } from '#model/errors.ts'

/**
 * Lets a person type a name back before something that cannot be undone. `given` is `--confirm`.
 * Throws `not-confirmed` when it differs, or when nobody sits at the terminal and `--confirm` is missing.
 */
export async function confirmName(name: string, given: string | undefined, question: string): Promise<void> {
  const typed = given ?? (await ask(question))
  if (typed === name) return
  const why =
    typed === undefined
      ? { en: 'nobody typed it at a terminal', ko: '터미널에서 입력되지 않았습니다' }
      : { en: `typed was ${JSON.stringify(typed)}`, ko: `입력된 것은 ${JSON.stringify(typed)}입니다` }
  throw new HaetaeError('not-confirmed', name, {
    why,
    remedy: {
      en: `Type ${name} exactly, or give --confirm ${name}.`,
      ko: `${name} 을(를) 그대로 입력하거나 --confirm ${name} 을(를) 주십시오.`,
    },
  })
}

async function ask(question: string): Promise<string | undefined> {
  if (process.stdin.isTTY !== true) return undefined
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  // The end of the input (Ctrl-D) answers nothing, and Ctrl-C means no.
  const ended = new Promise<undefined>((resolve) => reader.once('close', () => resolve(undefined)))
  const typed = reader.question(question).catch(() => undefined)
  try {
    return (await Promise.race([typed, ended]))?.trim()
  } finally {
    reader.close()
  }
}
