import { digestOf } from '#model/digest.ts'
import type { FleetLimits } from '#engine/state/fleet.ts'
import { sketchesOf } from '#plan/part-drift.ts'
import { partsOf } from '#plan/parts.ts'
import type { NodeLimits, Plan, PlanNode } from '#plan/plan.ts'
import type { Random } from './random.ts'

export const limits: NodeLimits = { attemptMs: 5_000, totalMs: 120_000, retryMax: 6, retryBaseMs: 100 }

/** A node by its id; the system is what stands before the slash. */
export function node(id: string, type: string, needs: string[] = [], more: Partial<PlanNode> = {}): PlanNode {
  const system = id.includes('/') ? (id.split('/')[0] ?? null) : null
  return {
    id,
    system,
    title: { ko: id, en: id },
    type,
    typeVersion: type === 'approval' ? 0 : 1,
    with: type === 'approval' ? {} : { thing: id },
    gate: null,
    needs,
    limits,
    verify: null,
    wave: system === null ? 0 : 1,
    ...more,
  }
}

export function gate(id: string, quorum = 2): PlanNode {
  return node(id, 'approval', [], { gate: { purpose: 'failover', quorum } })
}

export function planOf(nodes: PlanNode[]): Plan {
  const subject: Plan['subject'] = {
    mode: 'failover',
    fromSite: 'daejeon',
    toSite: 'gwangju',
    runbooks: {},
    catalogue: 'sha256:none',
    inputs: {},
    nodes,
    assumptions: [
      {
        kind: 'source-silent',
        subject: 'daejeon',
        statement: { ko: '원 센터 무응답', en: 'the source is silent' },
        bound: { site: 'daejeon' },
      },
    ],
  }
  const observed = { at: '2026-11-24T00:00:00.000Z', changes: {} }
  return { digest: digestOf(subject), subject, systems: [], notes: [], observed }
}

const seconds = { verify: { withinMs: 2_000, everyMs: 100 } }

/** One system's failover with every kind of effect: small enough for every crash. */
export function smallPlan(): Plan {
  return planOf([
    gate('approve'),
    node('A/acquire', 'sim.set', ['approve']),
    node('A/promote', 'sim.promote', ['A/acquire'], {
      with: { thing: 'A/promote', from: { $expr: 'steps.acquire' } },
      ...seconds,
    }),
    node('A/scale', 'sim.set', ['A/promote'], seconds),
    node('A/notify', 'sim.keyed', ['A/promote']),
    node('A/check', 'sim.check', ['A/scale', 'A/notify']),
  ])
}

/** Two steps: small enough for every pair of crashes. */
export function tinyPlan(): Plan {
  return planOf([node('A/promote', 'sim.promote', [], seconds), node('A/notify', 'sim.keyed', ['A/promote'])])
}

/** A graph of several systems in waves, by the seed. */
export function randomPlan(random: Random): Plan {
  const nodes: PlanNode[] = [gate('approve'), gate('attest')]
  const systems = 2 + random.below(4)
  for (let index = 0; index < systems; index++) {
    const system = `S${index}`
    const before = index > 0 && random.chance(0.5) ? [`S${random.below(index)}/check`] : []
    const wave = before.length + 1
    const verify = random.chance(0.5) ? seconds.verify : null
    nodes.push(
      node(`${system}/acquire`, 'sim.set', ['approve', 'attest', ...before], { wave }),
      node(`${system}/promote`, 'sim.promote', [`${system}/acquire`], { wave, verify }),
    )
    for (let step = 0; step < 1 + random.below(3); step++) {
      const type = random.pick(['sim.set', 'sim.keyed', 'sim.unfenced'])
      nodes.push(node(`${system}/step-${step}`, type, [`${system}/promote`], { wave, verify }))
    }
    const needs = nodes.filter((each) => each.id.startsWith(`${system}/step`)).map((each) => each.id)
    nodes.push(node(`${system}/check`, 'sim.check', needs, { wave }))
    if (!random.chance(0.5)) continue
    const after = nodes.filter((each) => each.system === system).map((each) => each.id)
    nodes.push(node(`${system}/clean`, 'sim.set', ['approve', 'attest'], { wave, after, finally: true }))
  }
  return planOf(nodes)
}

/** The run of a system of a fleet: it waits for its prerequisites in the runs of the others. */
export function childPlan(
  system: string,
  prerequisites: readonly string[] = [],
  check: Partial<PlanNode> = {},
): Plan {
  return planOf([
    node(`${system}/set`, 'sim.set'),
    ...prerequisites.map((other) =>
      node(`${other}/check`, 'sibling', [], {
        system: null,
        typeVersion: 0,
        with: {},
        waitFor: { kind: 'sibling', system: other, node: `${other}/check` },
      }),
    ),
    node(`${system}/notify`, 'sim.keyed', [
      `${system}/set`,
      ...prerequisites.map((other) => `${other}/check`),
    ]),
    node(`${system}/check`, 'sim.check', [`${system}/notify`], {
      with: { thing: `${system}/set` },
      ...check,
    }),
  ])
}

/** A fleet: a gate, a run for each system in this order, and the node at which they have all ended. */
export function fleetPlan(
  children: ReadonlyMap<string, { plan: Plan; prerequisites: readonly string[] }>,
  limits: FleetLimits = { maxFailures: 0 },
): Plan {
  const { maxFailures, maxParallel, ramp } = limits
  const nodes = [...children].map(([system, { plan, prerequisites }]) =>
    node(system, 'run', ['approve'], {
      system,
      typeVersion: 0,
      with: {},
      group: 'systems',
      waitFor: {
        kind: 'run',
        digest: plan.digest,
        parts: partsOf(plan.subject),
        steps: sketchesOf(plan.subject.nodes),
        prerequisites: [...prerequisites],
      },
    }),
  )
  const join = node('systems', 'fleet', ['approve'], {
    with: {},
    typeVersion: 0,
    after: [...children.keys()],
    waitFor: {
      kind: 'fleet',
      maxFailures,
      ...(maxParallel === undefined ? {} : { maxParallel }),
      ...(ramp === undefined ? {} : { ramp: [...ramp] }),
    },
  })
  return planOf([gate('approve'), ...nodes, join])
}
