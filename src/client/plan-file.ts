import { readFileSync, writeFileSync } from 'node:fs'
import { HaetaeError, messageOf } from '#model/errors.ts'
import type { Plan } from '#plan/plan.ts'
import type { RunPlan } from './signing.ts'

/** A plan as `plan --out` and `run show --plan --json` write it. Throws `input-invalid`. */
export function readPlanFile(file: string): RunPlan {
  const { run, plan } = readJsonFile(file) as Partial<RunPlan>
  if (typeof run === 'string' && isWhole(plan)) return { run, plan }
  throw new HaetaeError('input-invalid', file, {
    where: file,
    why: 'it is no plan',
    remedy: 'Write one with `haetae plan … --out FILE` or `haetae run show RUN --plan --json`.',
  })
}

/** Writes a plan so that `plan diff` and `approve --plan` read it. Throws `input-invalid` where it cannot be written. */
export function writePlanFile(file: string, { run, plan }: RunPlan): void {
  try {
    writeFileSync(file, `${JSON.stringify({ run, plan }, null, 2)}\n`)
  } catch (cause) {
    throw new HaetaeError('input-invalid', file, { where: file, why: messageOf(cause), cause })
  }
}

/** Whether a file has what is shown before it is signed; that it is the plan is for its digest to say. */
function isWhole(plan: Partial<Plan> | undefined): plan is Plan {
  const { subject, systems, notes, observed } = plan ?? {}
  const lists = [subject?.nodes, subject?.assumptions, systems, notes]
  return lists.every(Array.isArray) && observed?.changes !== undefined
}

/** The object in a JSON file. Throws `input-invalid`; `remedy`: how the file is made. */
export function readJsonFile(file: string, remedy?: string): object {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof value === 'object' && value !== null) return value
    throw new Error('an object is needed')
  } catch (cause) {
    throw new HaetaeError('input-invalid', file, {
      where: file,
      why: messageOf(cause),
      ...(remedy === undefined ? {} : { remedy }),
      cause,
    })
  }
}
