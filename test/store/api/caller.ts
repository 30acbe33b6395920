import { randomUUID } from 'node:crypto'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Draft } from '#api/schema/request.ts'
import type { Statement } from '#approval/statement.ts'
import { signStatement, statementOver, type Decision } from '#client/signing.ts'
import { sessionStatement } from '#people/session-statement.ts'
import { sign } from '#platform/ssh.ts'
import type { People } from '../../support/people.ts'

/** Calls an API as people do, without a network. */
export class Caller {
  readonly #app: FastifyInstance
  readonly #people: People
  readonly #tokens = new Map<string, string>()

  constructor(app: FastifyInstance, people: People) {
    this.#app = app
    this.#people = people
  }

  async token(name: string): Promise<string> {
    const known = this.#tokens.get(name)
    if (known !== undefined) return known
    const { challenge, site } = (
      await this.#app.inject({ method: 'POST', url: '/sessions/challenge' })
    ).json<{
      challenge: string
      site: string
    }>()
    const bytes = sessionStatement(site, name, challenge)
    const signature = await sign(this.#people.keyOf(name), 'haetae-session', bytes)
    const answer = await this.#app.inject({
      method: 'POST',
      url: '/sessions',
      payload: { principal: name, challenge, signature },
    })
    const { token } = answer.json<{ token: string }>()
    this.#tokens.set(name, token)
    return token
  }

  async get(name: string | undefined, url: string): Promise<LightMyRequestResponse> {
    const headers = name === undefined ? {} : { authorization: `Bearer ${await this.token(name)}` }
    return this.#app.inject({ method: 'GET', url, headers })
  }

  async post(name: string, url: string, payload: object, key: string | null = randomUUID()) {
    const headers = {
      authorization: `Bearer ${await this.token(name)}`,
      ...(key === null ? {} : { 'idempotency-key': key }),
    }
    return this.#app.inject({ method: 'POST', url, headers, payload })
  }

  /** A plan for Daejeon's loss, over the named systems. */
  async draft(...systems: string[]): Promise<Draft> {
    return (await this.post('operator-1', '/plans/failover', { fromSite: 'daejeon', systems })).json()
  }

  /** A statement over a draft, signed by somebody; `change` before signing. */
  signed(
    name: string,
    draft: Draft,
    decision: Partial<Decision> = {},
    change: Partial<Statement> = {},
    key = name,
  ) {
    const full: Decision = {
      purpose: 'approve',
      gate: 'approve',
      decision: 'yes',
      reason: 'the plan was read',
      sources: [],
      oneSourceOutsideHaetae: false,
      validFor: '24h',
      ...decision,
    }
    const about = { principal: name, installation: 'test' }
    const statement = { ...statementOver(draft, about, full, Date.now()), ...change }
    return signStatement(statement, this.#people.keyOf(key))
  }

  attestation(name: string, draft: Draft) {
    return this.signed(name, draft, {
      purpose: 'attest',
      gate: 'attest',
      sources: ['call to the guard room', 'what the news shows'],
      oneSourceOutsideHaetae: true,
    })
  }

  /** Declares a run over the draft; the answer as it came. */
  async declare(draft: Draft, name = 'operator-1', change: Partial<Statement> = {}) {
    const declaration = await this.signed(name, draft, { purpose: 'declare', gate: null }, change)
    const systems = [...new Set(draft.plan.subject.nodes.flatMap((node) => node.system ?? []))]
    return this.post(name, '/runs', { run: draft.run, fromSite: 'daejeon', systems, declaration })
  }

  approve(draft: Draft, signed: object, sender = 'operator-2') {
    return this.post(sender, `/runs/${draft.run}/approvals`, signed)
  }
}

export interface LedgerLine {
  kind: string
  actor: string
  subject: string
  data: Record<string, string>
}
