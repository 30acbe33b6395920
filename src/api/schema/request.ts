import { z } from 'zod'
import { words } from '#approval/statement-schema.ts'
import { anything, runId, siteId, systemId } from './common.ts'
import { plan } from './plan.ts'

export const failoverRequest = z.object({
  /** The site that is lost or distrusted; the executing site is the daemon's own. */
  fromSite: siteId,
  /** Named systems; absent: every movable system that is active there. */
  systems: z.array(systemId).min(1).optional(),
  /** The runbook by which the systems go as a fleet, each in a run of its own; absent: all in one run. */
  fleet: z.string().min(1).max(100).optional(),
  /** Of a fleet, the plan of this system alone: to be read, not to be declared. */
  only: systemId.optional(),
})

/** A runbook for systems that stay where they are: active at the daemon's own site. */
export const operationRequest = z.object({
  runbook: z.string().min(1).max(100),
  systems: z.array(systemId).min(1),
  /** Values for the inputs that the runbook declares. */
  inputs: anything.optional(),
})

/** A plan before anything is signed. `run` is the id that a declaration over this plan carries. */
export const draft = z.object({ run: runId, plan })

export const signed = z.object({
  /** The statement's canonical JSON: exactly the bytes that were signed. */
  statement: z.string().min(2).max(100_000),
  /** An armored SSH signature (SSHSIG). */
  signature: z.string().min(20).max(20_000),
})

/** The declaration's statement names run, plan digest, sites, systems and reason (approval/statement.ts). */
const declared = { run: runId, declaration: signed }
export const failoverDeclaration = failoverRequest.omit({ only: true }).extend(declared)
export const operationDeclaration = operationRequest.extend(declared)

/** Why a person pauses, resumes, cancels: on record with their name. */
export const why = z.object({ reason: words })
export const skip = z.object({ node: z.string().max(300), reason: words })
export const decision = z.object({
  /** null: the question of the run as a whole. */
  node: z.string().nullable(),
  /** Look and try again; vouch that it holds; give the node up. */
  decision: z.enum(['retry', 'holds', 'fail', 'replan']),
  reason: words,
})

export type Decision = z.infer<typeof decision>
export type FailoverRequest = z.infer<typeof failoverRequest>
export type Draft = z.infer<typeof draft>
export type Signed = z.infer<typeof signed>
export type OperationRequest = z.infer<typeof operationRequest>
