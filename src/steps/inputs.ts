import { z } from 'zod'

/*
 * What each step type takes in its `with`. Runbooks give these values by expressions over the estate's entry of the
 * system, so the shapes follow estate.ts where they can.
 */

const system = z.string().min(1)
const site = z.string().min(1)
const namespace = z.string().min(1)
const port = z.int().min(1).max(65535)
const epoch = z.int().min(1)

/** `components.database.endpoints[SITE]`, with the database's name beside it. */
const endpoint = z.strictObject({ host: z.string().min(1), port })

/** `components.workloads` of the estate. Replicas may be 0 here: scaling down is scaling too. */
const workloads = z.array(z.strictObject({ deployment: z.string().min(1), replicas: z.int().min(0) })).min(1)

/** `authority.attest`: fence `site` for `system` by the statements on record for the run. */
export const attestInput = z.strictObject({
  system,
  site,
  quorum: z.int().min(1).default(2),
})

/** `authority.acquire`: the right to be primary at `site`. `name` is the system's DNS name, whose TXT holds the epoch. */
export const acquireInput = z.strictObject({ system, site, name: z.string().min(1).optional() })

/** `pg.status`: the standby at `endpoint`. */
export const statusInput = z.strictObject({ system, database: z.string().min(1), endpoint })

/** `pg.promote`: the standby at `endpoint` becomes primary under `epoch`; `site` is where it stands. */
export const promoteInput = z.strictObject({ system, site, database: z.string().min(1), endpoint, epoch })

export const scaleInput = z.strictObject({ namespace, workloads })

/** `k8s.wait`: the newest generation rolled out and that many replicas ready, of each workload. */
export const waitInput = z.strictObject({ namespace, workloads })

/** `http.check`: what must be true of the web service at a fixed address, asked under its public name. */
export const checkInput = z.strictObject({
  system,
  address: z.string().min(1),
  port,
  serverName: z.string().min(1),
  /** Path that must answer 200, e.g. `/health`; not asked when absent. */
  health: z.string().startsWith('/').optional(),
  /** Path under which a transaction is posted and read back, e.g. `/transactions`; not tried when absent. */
  transactions: z.string().startsWith('/').optional(),
})

/** `dns.switch`: `name` points to `address`, together with its TXT companion `epoch=N`. */
export const switchInput = z.strictObject({
  name: z.string().min(1),
  address: z.ipv4(),
  ttlSeconds: z.int().min(1),
  epoch,
})

export type AttestInput = z.infer<typeof attestInput>
export type AcquireInput = z.infer<typeof acquireInput>
export type StatusInput = z.infer<typeof statusInput>
export type PromoteInput = z.infer<typeof promoteInput>
export type ScaleInput = z.infer<typeof scaleInput>
export type WaitInput = z.infer<typeof waitInput>
export type CheckInput = z.infer<typeof checkInput>
export type SwitchInput = z.infer<typeof switchInput>
