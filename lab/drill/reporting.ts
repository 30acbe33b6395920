import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run as runCommand } from '../command.ts'
import { addressesOf, PORTS } from '../addresses.ts'
import { inPlace } from '../place.ts'
import type { StoredIds } from '../report/citizens-view.ts'
import { renderHtml } from '../report/html.ts'
import type { HaetaeFacts } from '../report/haetae-facts.ts'
import { joinReport } from '../report/join.ts'
import type { DrillReport } from '../report/report.ts'
import { storedIds } from '../report/stored-ids.ts'
import { sourceHeartbeats } from '../report/source-heartbeats.ts'
import type { Scene } from './scene.ts'

export interface WrittenReport {
  report: DrillReport
  html: string
  json: string
}

/** Joins what Haetae says with the citizens' record, and writes both forms of the report. */
export async function writeReport(
  scene: Scene,
  run: string,
  lossAt: number,
  heartbeats: Record<string, number>,
): Promise<WrittenReport> {
  const { instance, record, from } = scene
  await record.read()
  const lines = [...record.lines]
  // Asked after the record was read: every acknowledged id of it must be there by now.
  const stored = await allStoredIds(scene)
  const report = joinReport({
    instance: instance.name,
    siteNames: scene.siteNames,
    loss: { site: from, at: lossAt },
    byTheLab: !scene.options.interactive,
    haetae: await haetaeFacts(scene, run, heartbeats),
    record: lines,
    stored,
    needs: new Map(scene.systems.map(({ id, needs }) => [id, needs.map((need) => need.id)])),
    now: Date.now(),
  })
  const folder = join(scene.reports, run)
  await mkdir(folder, { recursive: true })
  const [html, json] = [join(folder, 'report.html'), join(folder, 'report.json')]
  await writeFile(html, renderHtml(report))
  await writeFile(json, `${JSON.stringify(report, null, 2)}\n`)
  return { report, html, json }
}

async function allStoredIds(scene: Scene): Promise<Map<string, StoredIds>> {
  const found = new Map<string, StoredIds>()
  // All of them are active at the recovery site now: moved there, or at home there.
  for (const system of scene.systems) found.set(system.id, await storedIds(scene.instance, system, scene.to))
  return found
}

async function haetaeFacts(
  { haetae, to, backups }: Scene,
  run: string,
  heartbeats: Record<string, number>,
): Promise<HaetaeFacts> {
  const client = haetae.client(to)
  const params = { run }
  const [detail, { plan }, statements, systems] = await Promise.all([
    client.call('runShow', { params }),
    client.call('runPlan', { params }),
    client.call('approvalList', { params }),
    haetae.systems(to),
  ])
  const journal: HaetaeFacts['journal'] = []
  for (let after = 0; ;) {
    const page = await client.call('runJournal', { params, query: { after, limit: 1000 } })
    journal.push(...page.items)
    const last = page.items.at(-1)
    if (last === undefined || page.next === null) break
    after = last.seq
  }
  return {
    run: detail,
    plan,
    statements: statements.items.filter(({ ignored }) => ignored === null),
    systems,
    backups,
    journal,
    sourceHeartbeats: heartbeats,
  }
}

/** What the recovery site's Prometheus last saw of the source's own clocks; asked soon, before it forgets. */
export async function heartbeatsSeen(scene: Scene): Promise<Record<string, number>> {
  const { instance, from, to } = scene
  const query = `last_over_time(system_heartbeat_timestamp_seconds{site="${from}"}[30m])`
  const url = `http://${addressesOf(to).node}:${PORTS.prometheus}/api/v1/query?query=${encodeURIComponent(query)}`
  const ask = 'process.stdout.write(await (await fetch(process.argv[1])).text())'
  const argv = [process.execPath, '--input-type=module', '-e', ask, url]
  return sourceHeartbeats(await runCommand([...(await inPlace(instance, to)), ...argv]))
}
