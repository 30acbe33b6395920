import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { testApi, type TestApi } from '../../support/api.ts'
import { cast, people, type People, type PersonSpec } from '../../support/people.ts'
import { databasePerTest, type FreshDatabase } from '../../support/postgres.ts'

/*
 * The CLI as people use it: processes of its own against a daemon's API on a Unix socket, over real rooms.
 */

export const bin = new URL('../../../bin/haetae.js', import.meta.url).pathname
export const shippedRunbook = new URL('../../../runbooks/failover-postgres-web.yaml', import.meta.url)
  .pathname

export interface Ended {
  code: number
  out: string
  err: string
}

/** A daemon's API for each test of the file, and the CLI that is pointed at it. */
export class CliFixture {
  readonly #database: () => FreshDatabase
  #all: People | undefined
  #app: FastifyInstance | undefined
  #api: TestApi | undefined
  #folder = ''

  /** `more`: people beside the cast. */
  constructor(more: Record<string, PersonSpec> = {}) {
    this.#database = databasePerTest()
    beforeAll(async () => {
      this.#all = await people({ ...cast, ...more })
    })
    afterAll(() => this.#all?.[Symbol.asyncDispose]())
    beforeEach(async () => {
      this.#folder = join(this.#people.folder, `d${Math.random().toString(36).slice(2, 8)}`)
      mkdirSync(this.#folder)
      const keys = Object.fromEntries(Object.keys(cast).map((name) => [name, this.#people.keyOf(name)]))
      const sites = { gwangju: { socket: this.socket } }
      const context = { installation: 'test', defaultSite: 'gwangju', sites, principal: 'operator-1', keys }
      writeFileSync(this.path('context.json'), JSON.stringify(context))
      await this.start()
    })
    afterEach(() => this.stop())
  }

  get #people(): People {
    if (this.#all === undefined) throw new Error('people exist only inside a test')
    return this.#all
  }

  get api(): TestApi {
    if (this.#api === undefined) throw new Error('the API exists only inside a test')
    return this.#api
  }

  get socket(): string {
    return this.path('haetae.sock')
  }

  get database(): FreshDatabase {
    return this.#database()
  }

  /** A path in the folder of this test's context. */
  path(name: string): string {
    return join(this.#folder, name)
  }

  /** Starts a daemon's API; one that was stopped before has forgotten its sessions. */
  async start(): Promise<void> {
    this.#api = await testApi(this.database.pool, this.#people)
    this.#app = this.#api.build()
    await this.#app.listen({ path: this.socket })
  }

  async stop(): Promise<void> {
    await this.#app?.close()
  }

  environment(over: Record<string, string> = {}): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env
    return { PATH, HOME, LANG: 'C.UTF-8', HAETAE_CONTEXT: this.path('context.json'), ...over }
  }

  /** Runs a command to its end. */
  readonly run = (args: readonly string[], over: Record<string, string> = {}): Promise<Ended> =>
    new Promise((resolve) => {
      execFile(process.execPath, [bin, ...args], { env: this.environment(over) }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), out, err }),
      )
    })

  /** Declares a failover and returns the run's name. */
  async declare(systems = 'GPK', as = 'operator-1'): Promise<string> {
    const args = ['failover', '--from', 'daejeon', '--systems', systems, '--reason', 'power lost']
    const ended = await this.run([...args, '--confirm', 'daejeon', '--json', '--as', as])
    expect(ended.err).toBe('')
    return (JSON.parse(ended.out) as { id: string }).id
  }

  approve(run: string, as: string, ...more: string[]): Promise<Ended> {
    return this.run(['approve', run, '--reason', 'read', '--quiet', '--confirm', run, '--as', as, ...more])
  }
}
