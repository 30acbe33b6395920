import { HaetaeError } from '#model/errors.ts'
import type { Runbook } from '#runbook/runbook.ts'
import { listAtMost } from '#runbook/schema.ts'
import { inputFits } from '#runbook/variables.ts'

/**
 * The values of the inputs that the runbooks declare: what was given, or the default.
 * Throws `input-invalid`: an input that no runbook has, one that is missing, or of another type.
 */
export function inputsOf(
  runbooks: readonly Runbook[],
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const declared = runbooks.flatMap(({ definition }) =>
    Object.entries(definition.inputs).map(([name, input]) => ({
      name,
      input,
      runbook: definition.metadata.name,
    })),
  )
  const stranger = Object.keys(given).find((name) => declared.every((each) => each.name !== name))
  if (stranger !== undefined)
    throw new HaetaeError('input-invalid', `input ${stranger}`, { why: 'no runbook of this plan has it' })
  return Object.fromEntries(
    declared.map(({ name, input, runbook }) => {
      const value = Object.hasOwn(given, name) ? given[name] : input.default
      if (value === undefined)
        throw new HaetaeError('input-invalid', `input ${name}`, {
          why: `${runbook} needs it, and has no default`,
        })
      if (!inputFits[input.type](value))
        throw new HaetaeError('input-invalid', `input ${name}`, {
          why: `${runbook} takes ${input.type} there${input.type === 'list' ? `, of at most ${listAtMost} texts` : ''}`,
        })
      return [name, value]
    }),
  )
}
