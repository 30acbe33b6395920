import { z } from 'zod'

/*
 * What each step type takes in its `with`. Runbooks give these values by expressions over the estate's entry of the
 * system, so the shapes follow estate.ts where they can.
 */

const system = z.string().min(1).meta({ description: 'its id in the estate' })
export const site = z
  .string()
  .min(1)
  .meta({ description: 'where it acts: the site of the daemon that runs it; any other is refused' })
export const namespace = z.string().min(1).meta({ description: 'where in the cluster the objects are' })
/** Of `left`, which inverses carry: their target is asked to change that and nothing else. */
export const leftOf = 'what the step that is taken back had left: where anything else is there, it is refused'
const name = z.string().min(1).meta({ description: "the system's public name" })
const port = z.int().min(1).max(65535).meta({ description: 'where it listens' })
const address = z.string().min(1).meta({ description: 'where the service answers: no name is looked up' })
const deployment = z.string().min(1).meta({ description: 'name of the Deployment' })
const epoch = z.int().min(1).meta({ description: 'the epoch that the run holds for the system' })

/** A database's address at one site. */
const database = {
  site,
  host: z.string().min(1).meta({ description: 'where PostgreSQL answers' }),
  port,
  database: z.string().min(1).meta({ description: 'its name in PostgreSQL' }),
}

/** `components.workloads` of the estate. Replicas may be 0 here: scaling down is scaling too. */
const workload = z.strictObject({
  deployment,
  replicas: z.int().min(0).meta({ description: 'how many Pods' }),
})
const workloads = z.array(workload).min(1).meta({ description: 'Deployments with their replicas' })

/** `authority.attest`: fence `site` (the lost one) for `system` by the statements on record for the run. */
export const attestInput = z.strictObject({
  system,
  site: z.string().min(1).meta({ description: 'the lost one' }),
  quorum: z.int().min(2).default(2).meta({ description: "how many people's word; one is never enough" }),
})

/** `authority.acquire`: the right to be primary at `site`. `name` is the system's DNS name, whose TXT holds the epoch. */
export const acquireInput = z.strictObject({ system, site, name })

/** `pg.status`: the standby at that address. */
export const statusInput = z.strictObject(database)

/** `pg.promote`: the standby becomes primary under `epoch`; refused when it has not even received `recoveryPoint`. */
export const promoteInput = z.strictObject({
  ...database,
  system,
  epoch,
  recoveryPoint: z
    .string()
    .nullable()
    .meta({ description: 'a position that must have been received; null: none was fixed' }),
})

const lsn = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/, 'a position is written like 0/3000148')

/** `pg.waitReplay`: the standby at that address has replayed everything up to `lsn`. */
export const replayInput = z.strictObject({
  ...database,
  lsn: lsn.meta({ description: 'the position up to which everything is replayed' }),
})

/** `pg.pauseWriters`: the primary at that address refuses writers for `ttlSeconds`, by its own clock. */
export const pauseInput = z
  .strictObject({
    ...database,
    system,
    ttlSeconds: z
      .int()
      .min(1)
      .max(3600)
      .meta({ description: 'when writers resume by themselves; an hour at most' }),
    graceSeconds: z
      .int()
      .min(0)
      .max(600)
      .default(5)
      .meta({ description: 'how long older transactions may take before they are ended' }),
  })
  .refine(({ ttlSeconds, graceSeconds }) => graceSeconds < ttlSeconds, {
    path: ['graceSeconds'],
    message: 'writers would resume before the older transactions are ended',
  })

/** `pg.resumeWriters`: writers at that address may write again, whoever paused them; with `left`, only that pause ends. */
export const resumeInput = z.strictObject({
  ...database,
  system,
  left: z
    .strictObject({ key: z.string().meta({ description: 'of the pause' }) })
    .optional()
    .meta({ description: leftOf }),
})

/** `pg.stop`: the PostgreSQL that `deployment` runs and that answers at that address. */
export const stopInput = z.strictObject({ ...database, system, namespace, deployment })

/** Statements that would end the transaction in which the claim stands, or begin another. */
const endsTransaction =
  /^\s*(begin|start|commit|end|rollback|abort|savepoint|release|prepare\s+transaction)\b/i
/** One statement, as people review it. Comments would hide how it begins. */
const statement = z
  .string()
  .min(1)
  .refine((text) => !/^\s*(--|\/\*)/.test(text) && !endsTransaction.test(text), {
    message: 'one statement, without a comment before it, that neither begins nor ends a transaction',
  })
  .refine((text) => !/pg_promote|\bU&/i.test(text), {
    message: 'a database is promoted by pg.promote alone; and no name is written in escapes (U&)',
  })
/**
 * What acts without writing to a table: a read-only transaction does not stop it. Most of it is refused to the reader by
 * the database; some PostgreSQL lets everybody do (notify, locks, large objects), or is hidden in a text that is run.
 */
const acts =
  /\b(pg_(terminate|cancel)_backend|pg_switch_wal|pg_notify|pg_wal_replay_\w+|pg_(try_)?advisory_\w+|pg_logical_\w+|set_config|dblink\w*|lo_\w+|end_transactions|(query|cursor)_to_xml\w*|ts_stat|ts_rewrite)\b/i
const look = statement.refine((text) => /^\s*(select|with|values)\b/i.test(text) && !acts.test(text), {
  message: 'a look is a SELECT, and calls no function that acts',
})
const parameters = z
  .array(z.union([z.string(), z.number(), z.boolean(), z.null()]))
  .default([])
  .meta({ description: 'values for $1, $2 … of the statement' })

/** `pg.sql`: its parameters are bound as values. */
export const sqlInput = z.strictObject({
  ...database,
  system,
  statement: statement.meta({ description: 'one SQL statement, as people review it' }),
  parameters,
  observe: z
    .strictObject({ statement: look.meta({ description: 'a SELECT that gives one boolean' }), parameters })
    .optional()
    .meta({
      description: 'how to see that it is done; if absent: by the row with which the step claimed it',
    }),
})

export const scaleInput = z.strictObject({
  site,
  namespace,
  workloads: z
    .array(
      workload.extend({
        left: z
          .strictObject({
            uid: z.string().meta({ description: 'of the Deployment' }),
            replicas: z.int().meta({ description: 'how many it was scaled to' }),
          })
          .optional()
          .meta({ description: leftOf }),
      }),
    )
    .min(1)
    .meta({ description: 'Deployments with the replicas that they get' }),
})

/** `k8s.wait`: the newest generation rolled out and that many replicas ready, of each workload. */
export const waitInput = z.strictObject({ site, namespace, workloads })

/** `http.check`: what must be true of the web service at a fixed address, asked under its public name. */
export const checkInput = z.strictObject({
  site,
  system,
  address,
  port,
  name,
  path: z
    .string()
    .startsWith('/')
    .meta({ description: 'where a transaction is posted, and read back below it by its id' }),
  health: z
    .string()
    .startsWith('/')
    .optional()
    .meta({ description: 'must answer 200 before; not asked if absent' }),
})

/** `http.get`: a web service at a fixed address, asked under its public name, answers 200 at the path. */
export const getInput = z.strictObject({
  site,
  system,
  address,
  port,
  name,
  path: z.string().startsWith('/').meta({ description: 'what is asked by GET' }),
})

/** `dns.switch`: `name` points to `address`, together with its TXT companion `epoch=N`. */
export const switchInput = z.strictObject({
  site,
  system,
  name,
  address: z.ipv4().meta({ description: 'where citizens are sent' }),
  ttlSeconds: z.int().min(1).meta({ description: 'how long resolvers may keep the answer' }),
  epoch,
})

/** A name in HAProxy's configuration. */
const balanced = z.string().regex(/^[\w.:-]+$/, 'letters, digits, and _ . : - are in names of HAProxy')

/** `lb.switch`: all traffic of `backend` goes to `server`. */
export const balanceInput = z.strictObject({
  site,
  system,
  backend: balanced.meta({ description: "the backend of HAProxy that takes the system's traffic" }),
  server: balanced.meta({ description: 'its server that gets all of it' }),
  left: z
    .strictObject({
      version: z.int().min(0).meta({ description: 'of the switch' }),
      server: balanced.meta({ description: 'the one that got all traffic' }),
    })
    .optional()
    .meta({ description: leftOf }),
})

export type AttestInput = z.infer<typeof attestInput>
export type AcquireInput = z.infer<typeof acquireInput>
export type StatusInput = z.infer<typeof statusInput>
export type PromoteInput = z.infer<typeof promoteInput>
export type ReplayInput = z.infer<typeof replayInput>
export type PauseInput = z.infer<typeof pauseInput>
export type ResumeInput = z.infer<typeof resumeInput>
export type StopInput = z.infer<typeof stopInput>
export type SqlInput = z.infer<typeof sqlInput>
export type ScaleInput = z.infer<typeof scaleInput>
export type WaitInput = z.infer<typeof waitInput>
export type CheckInput = z.infer<typeof checkInput>
export type BalanceInput = z.infer<typeof balanceInput>
export type GetInput = z.infer<typeof getInput>
export type SwitchInput = z.infer<typeof switchInput>
