import type { Expression, Scope } from '#expression/expression.ts'
import type { GateDefinition, RunbookDefinition, StepDefinition } from './schema.ts'
import type { ValueTree } from './value-tree.ts'

/** A step that was checked: its input is compiled, its gate is read. */
export interface CompiledStep {
  readonly definition: StepDefinition
  /** For an `approval` step; such a step has no type version and no input. */
  readonly gate: GateDefinition | null
  readonly typeVersion: number
  readonly input: ValueTree
  readonly when: Expression | undefined
}

/** A runbook that passed every check. */
export interface Runbook {
  readonly file: string
  readonly definition: RunbookDefinition
  /** Digest of what the definition says; comments and layout are not part of it. */
  readonly digest: string
  /** Every step after all that it needs. */
  readonly steps: readonly CompiledStep[]
  /** Takes the variables of a plan once for all steps. */
  readonly scope: Scope
}
