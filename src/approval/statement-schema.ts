import { z } from 'zod'
import { canonicalJson } from '#model/digest.ts'
import { HaetaeError } from '#model/errors.ts'
import { parseDuration } from '#model/time.ts'
import { purposeFacts, purposeNames } from '#people/purposes.ts'
import { namedAtMost, type Statement } from './statement.ts'

/**
 * What a person says. It is shown on other people's terminals: nothing in it may move a cursor, hide or turn text
 * around, and PostgreSQL stores no NUL.
 */
export const words = z
  .string()
  .trim()
  .min(1)
  .max(2000)
  .regex(
    /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u,
    'plain text on one line, without control or invisible characters',
  )

/** Names are ASCII: two that look alike are the same. */
function name(longest: number) {
  return z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'a name is made of letters, digits and . _ / - of ASCII')
    .max(longest)
}

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'a digest is sha256: and 64 hex digits')

const statementSchema = z.strictObject({
  version: z.literal(2),
  installation: name(100),
  purpose: z.enum(purposeNames),
  run: name(100),
  planDigest: digest,
  principal: name(100),
  gate: name(200).nullable(),
  decision: z.enum(['yes', 'no']),
  scope: z.strictObject({
    site: name(100),
    systems: z.union(
      [z.array(name(100)).max(namedAtMost), z.strictObject({ count: z.int().min(namedAtMost + 1), digest })],
      `at most ${namedAtMost} names of ASCII, or their count and digest`,
    ),
  }),
  reason: words,
  sources: z.array(words).max(10),
  oneSourceOutsideHaetae: z.boolean(),
  at: z.iso.datetime(),
  validFor: z
    .string()
    .refine((text) => (parseDuration(text) ?? 0) > 0, 'a duration is a number and a unit, such as 24h'),
}) satisfies z.ZodType<Statement>

/**
 * Reads a signed statement. Throws `statement-invalid` when it is not JSON, not canonical (the bytes signed have
 * one form only), has fields missing or unknown, or does not say what its purpose needs.
 */
export function parseStatement(text: string): Statement {
  const value = parseJson(text)
  const checked = statementSchema.safeParse(value)
  if (!checked.success) {
    const issue = checked.error.issues[0]
    throw invalid(issue?.path.join('.') ?? '', issue?.message ?? 'it does not have the form of a statement')
  }
  if (canonicalJson(value) !== text) throw invalid('', 'it is not in canonical form (RFC 8785)')
  const statement: Statement = checked.data
  const fault = faultOfPurpose(statement)
  if (fault !== undefined) throw invalid(fault.where, fault.why)
  return statement
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('', 'it is not JSON')
  }
}

/** What a purpose needs beyond the form. */
function faultOfPurpose(statement: Statement): { where: string; why: string } | undefined {
  const { purpose } = statement
  if (purpose === 'declare') {
    if (statement.gate !== null) return { where: 'gate', why: 'a declaration is for no gate' }
    if (statement.decision !== 'yes')
      return { where: 'decision', why: 'a declaration can only ask for the run' }
    return undefined
  }
  if (statement.gate === null) return { where: 'gate', why: 'the gate is missing' }
  if (purposeFacts(purpose).place === 'run' && statement.gate !== purpose) {
    return { where: 'gate', why: `${purpose} is about the run as a whole: its gate is ${purpose}` }
  }
  if (purpose === 'break-glass' && statement.decision === 'no')
    return { where: 'decision', why: 'a glass is broken or not: there is no statement that it is not' }
  if (purpose === 'attest' && statement.decision === 'yes') return faultOfSources(statement)
  return undefined
}

function faultOfSources(statement: Statement): { where: string; why: string } | undefined {
  const distinct = new Set(
    statement.sources.map((source) => source.trim().toLowerCase().replace(/\s+/g, ' ')),
  )
  if (distinct.size < 2) {
    return { where: 'sources', why: 'an attestation says how the signer knows, from two different sources' }
  }
  if (!statement.oneSourceOutsideHaetae) {
    return { where: 'oneSourceOutsideHaetae', why: "one of the sources has to lie outside Haetae's network" }
  }
  return undefined
}

function invalid(field: string, why: string): HaetaeError {
  return new HaetaeError('statement-invalid', 'the statement', field === '' ? { why } : { where: field, why })
}
