import { readFileSync } from 'node:fs'
import { HaetaeError, messageOf } from '#model/errors.ts'
import type { RunPlan } from './signing.ts'

/** A plan that `run show RUN --plan --json` wrote. Throws `input-invalid`. */
export function readPlan(file: string, run: string): RunPlan {
  const read = readJson(file) as Partial<RunPlan>
  if (!isWhole(read.plan) || read.run !== run) {
    throw new HaetaeError('input-invalid', file, {
      where: file,
      why: `it is no plan of ${run}`,
      remedy: `Write it with \`haetae run show ${run} --plan --json\`.`,
    })
  }
  return { run, plan: read.plan }
}

/** Whether a file has what is shown before it is signed; that it is the plan is for its digest to say. */
function isWhole(plan: Partial<RunPlan['plan']> | undefined): plan is RunPlan['plan'] {
  const { subject, systems, notes, observed } = plan ?? {}
  const lists = [subject?.nodes, subject?.assumptions, systems, notes]
  return lists.every(Array.isArray) && observed?.changes !== undefined
}

/** A signed statement that `--sign-only` wrote. Throws `input-invalid`. */
export function readSigned(file: string): { statement: string; signature: string } {
  const { statement, signature } = readJson(file) as { statement?: unknown; signature?: unknown }
  if (typeof statement === 'string' && typeof signature === 'string') return { statement, signature }
  throw new HaetaeError('input-invalid', file, {
    where: file,
    why: 'it is no statement written by --sign-only',
  })
}

function readJson(file: string): object {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof value === 'object' && value !== null) return value
    throw new Error('an object is needed')
  } catch (cause) {
    throw new HaetaeError('input-invalid', file, { where: file, why: messageOf(cause), cause })
  }
}
