import { z } from 'zod'

/*
 * The estate as people write it: what is registered (`estate/estate.yaml`), and what this installation runs of it
 * (overlays such as `estate/lab.yaml`). Loaded and checked as one whole by load.ts.
 * It holds what is registered, never what is observed (active site, epoch, health).
 */

const systemId = z
  .string()
  .regex(/^[A-Z][A-Z0-9]{1,7}$/, 'a system id is 2 to 8 capital letters or digits, such as GOV')
const siteId = z.string().regex(/^[a-z][a-z0-9-]{1,30}$/, 'a site id is lower case, such as daejeon')
const localized = z.strictObject({ ko: z.string().min(1), en: z.string().min(1) })
const duration = z.string().regex(/^\d+(ms|s|m|h|d)$/, 'a duration is a number and a unit, such as 30m')
const port = z.int().min(1).max(65535)

export const gradeSchema = z.enum(['T0', 'G1', 'G2', 'G3', 'G4'])
export type Grade = z.infer<typeof gradeSchema>

/** Where a system's database answers at one site. */
const endpoint = z.strictObject({ host: z.string().min(1), port })

/** What a system is made of. A system without components is registered only: its dependencies count, it cannot be moved. */
const components = z.strictObject({
  /** The namespace of its objects, the same at every site. */
  namespace: z.string().min(1),
  /** Workloads that serve, started in this order. */
  workloads: z.array(z.strictObject({ deployment: z.string().min(1), replicas: z.int().min(1) })).min(1),
  /** PostgreSQL with a streaming standby at the recovery site; none for a stateless system. */
  database: z
    .strictObject({
      name: z.string().min(1),
      replication: z.enum(['synchronous', 'asynchronous']),
      endpoints: z.record(siteId, endpoint),
    })
    .optional(),
  /** How citizens reach it: the name, and per site the address it points to when the system is active there. */
  traffic: z.strictObject({
    name: z.string().min(1),
    port,
    ttlSeconds: z.int().min(1),
    addresses: z.record(siteId, z.string().min(1)),
  }),
  /** A real request with a real answer, by which the system shows that it serves: where transactions are submitted. */
  probe: z.strictObject({ path: z.string().startsWith('/') }),
})
export type Components = z.infer<typeof components>

export const systemSchema = z.strictObject({
  id: systemId,
  name: localized,
  owner: z.string().min(1),
  grade: gradeSchema,
  /** `each` for foundations that every site has of its own. */
  home: z.union([siteId, z.literal('each')]),
  room: z.string().optional(),
  recovery: siteId.optional(),
  /** Says that the recovery site is the lab's gift, not the estate's. */
  recoveryGivenByLab: z.boolean().optional(),
  dependsOn: z.strictObject({ hard: z.array(systemId), soft: z.array(systemId) }),
  runbook: z.string().optional(),
  components: components.optional(),
})
export type System = z.infer<typeof systemSchema>

/** A registered system that this installation does not run; a dependency on one is named wherever it matters. */
const leftOut = z.strictObject({ id: systemId, why: localized })

export const estateSchema = z.strictObject({
  apiVersion: z.literal('haetae/v1'),
  kind: z.literal('Estate'),
  sites: z.array(z.strictObject({ id: siteId, name: localized })).min(1),
  /** Recovery targets per grade. */
  targets: z.record(gradeSchema, z.strictObject({ rto: duration, rpo: duration })),
  systems: z.array(systemSchema).min(1),
  leftOut: z.array(leftOut).default([]),
})
export type Estate = z.infer<typeof estateSchema>

/** What an overlay adds to a registered system: what it is made of here. It never changes what is registered. */
export const overlaySchema = z.strictObject({
  apiVersion: z.literal('haetae/v1'),
  kind: z.literal('EstateOverlay'),
  systems: z.array(
    systemSchema.pick({
      id: true,
      recovery: true,
      recoveryGivenByLab: true,
      runbook: true,
      components: true,
    }),
  ),
  /** Left out for one reason each. */
  leftOut: z.array(z.strictObject({ ids: z.array(systemId).min(1), why: localized })).default([]),
})
export type EstateOverlay = z.infer<typeof overlaySchema>
