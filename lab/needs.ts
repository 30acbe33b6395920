import { HaetaeError, messageOf } from '#model/errors.ts'
import { preflight } from '../bootstrap/preflight.mjs'

/**
 * Looks whether a lab can run here, and changes nothing.
 *
 * @throws HaetaeError `lab-needs` that says what is missing: root, Linux, packages, the Kubernetes binary, disk.
 */
export function checkNeeds(): void {
  const remedy = 'Run `npm run setup`: it says what it installs and builds, and does it.'
  let todo: ReturnType<typeof preflight>
  try {
    todo = preflight({ lab: true })
  } catch (error) {
    throw new HaetaeError('lab-needs', 'this machine', { why: messageOf(error), cause: error })
  }
  if (todo.debian.length > 0) {
    const names = todo.debian.map(({ name }) => name).join(', ')
    throw new HaetaeError('lab-needs', 'Debian packages', { why: `not installed: ${names}`, remedy })
  }
  if (todo.kubernetes) {
    throw new HaetaeError('lab-needs', 'the Kubernetes binary', { why: 'it was not built yet', remedy })
  }
}
