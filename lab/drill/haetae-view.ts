import type { ReplyOf } from '#api/contract.ts'
import { Client } from '#client/client.ts'
import { loadContext } from '#client/context.ts'
import type { SiteId } from '../instance.ts'

export type Run = ReplyOf<'runShow'>
export type SystemLine = ReplyOf<'systemList'>['items'][number]
export type SiteLine = ReplyOf<'siteList'>['items'][number]
export type BackupLine = ReplyOf<'backupLog'>['items'][number]

/** What a drill asks of Haetae, as an auditor: reading only. */
export class HaetaeView {
  readonly #clients = new Map<SiteId, Client>()
  readonly #contextFile: string

  constructor(contextFile: string) {
    this.#contextFile = contextFile
  }

  async systems(site: SiteId): Promise<SystemLine[]> {
    return (await this.client(site).call('systemList', { query: { limit: 1000 } })).items
  }

  async sites(site: SiteId): Promise<SiteLine[]> {
    return (await this.client(site).call('siteList', {})).items
  }

  async backups(site: SiteId): Promise<BackupLine[]> {
    return (await this.client(site).call('backupLog', { query: { limit: 1000 } })).items
  }

  /** Runs that have not ended. */
  async activeRuns(site: SiteId): Promise<ReplyOf<'runList'>['items']> {
    return (await this.client(site).call('runList', { query: { active: 'true' } })).items
  }

  async run(site: SiteId, run: string): Promise<Run> {
    return this.client(site).call('runShow', { params: { run } })
  }

  client(site: SiteId): Client {
    const known = this.#clients.get(site)
    if (known !== undefined) return known
    const client = new Client({ context: loadContext(this.#contextFile), site, as: 'auditor-1' })
    this.#clients.set(site, client)
    return client
  }
}
