import { HaetaeError } from '#model/errors.ts'
import { readJsonFile, readPlanFile } from './plan-file.ts'
import type { RunPlan } from './signing.ts'

/** The plan of a run that `run show RUN --plan --json` wrote. Throws `input-invalid`. */
export function readPlan(file: string, run: string): RunPlan {
  const read = readPlanFile(file)
  if (read.run === run) return read
  throw new HaetaeError('input-invalid', file, {
    where: file,
    why: `it is no plan of ${run}`,
    remedy: `Write it with \`haetae run show ${run} --plan --json\`.`,
  })
}

/** A signed statement that `--sign-only` wrote. Throws `input-invalid`. */
export function readSigned(file: string): { statement: string; signature: string } {
  const remedy = 'Write it anew with `haetae approve RUN --sign-only --plan FILE`, or carry it again whole.'
  const read = readJsonFile(file, remedy) as { statement?: unknown; signature?: unknown }
  const { statement, signature } = read
  if (typeof statement === 'string' && typeof signature === 'string') return { statement, signature }
  throw new HaetaeError('input-invalid', file, {
    where: file,
    why: 'it is no statement written by --sign-only',
    remedy,
  })
}
