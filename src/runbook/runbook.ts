import type { Expression, Scope } from '#expression/expression.ts'
import type { ForeachDefinition, GateDefinition, RunbookDefinition, StepDefinition } from './schema.ts'
import type { ValueTree } from './value-tree.ts'

/** A step that was checked: its input is compiled, its gate is read. */
export interface CompiledStep {
  readonly definition: StepDefinition
  /** It stands under `finally`. */
  readonly ending: boolean
  /** For an `approval` step; such a step has no type version and no input. */
  readonly gate: GateDefinition | null
  /** 0 for what the language knows itself. */
  readonly typeVersion: number
  readonly input: ValueTree
  readonly when: Expression | undefined
  readonly foreach: CompiledForeach | undefined
}

export interface CompiledForeach {
  readonly definition: ForeachDefinition
  readonly items: ValueTree
  readonly key: Expression | undefined
  /** The runbook's variables and `item` and `index`: what the step's own expressions see. */
  readonly scope: Scope
}

/** A runbook that passed every check. */
export interface Runbook {
  readonly file: string
  readonly definition: RunbookDefinition
  /** Digest of what the definition says; comments and layout are not part of it. */
  readonly digest: string
  /** Every step after all that it needs; those under `finally` last. */
  readonly steps: readonly CompiledStep[]
  /** Takes the variables of a plan once for all steps. */
  readonly scope: Scope
}
