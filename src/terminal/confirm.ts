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
    typed === undefined ? 'nobody is at a terminal to type it' : `typed was ${JSON.stringify(typed)}`
  throw new HaetaeError('not-confirmed', name, {
    why,
    remedy: `Type ${name} exactly, or give --confirm ${name}.`,
  })
}

async function ask(question: string): Promise<string | undefined> {
  if (process.stdin.isTTY !== true) return undefined
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await reader.question(question)).trim()
  } finally {
    reader.close()
  }
}
