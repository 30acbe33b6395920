import { policyJsonSchema } from '#approval/policy-file.ts'
import { runbookJsonSchema } from '#runbook/json-schema.ts'
import { stepTypes } from '#steps/index.ts'
import { stepTypeTexts } from './step-types.ts'

/** schemas/runbook.schema.json, which editors complete and check runbooks by. */
export function runbookSchemaText(): string {
  return JSON.stringify(runbookJsonSchema(stepTypes, stepTypeTexts()))
}

/** schemas/approval-policy.schema.json, for policies/approvals.yaml. */
export function policySchemaText(): string {
  return JSON.stringify(policyJsonSchema())
}
