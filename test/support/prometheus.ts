import { readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { ownedFolder } from './owned-folder.ts'
import { freePort, startServer, untilAnswers } from './processes.ts'

/** A real Prometheus that scrapes one gauge, `gate`, of this process four times a second. */
export interface TestPrometheus {
  url: string
  /** What the gauge says from now on; it is measured at the next scrape. */
  gauge(value: number): void
  /** The queries that it was asked, by its own query log. */
  queries(): Promise<string[]>
  /** What it was asked that is no query, by its own count of requests: each handler and how often. */
  otherRequests(): Promise<string[]>
  stop(): Promise<void>
}

export async function startPrometheus(): Promise<TestPrometheus> {
  const folder = await ownedFolder('haetae-test-prometheus-')
  let value = 0
  const target = createServer((_request, response) => response.end(`# TYPE gate gauge\ngate ${value}\n`))
  await new Promise<void>((done) => target.listen(0, '127.0.0.1', done))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const queryLog = join(folder, 'queries.log')
  await writeFile(
    join(folder, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: '250ms', scrape_timeout: '250ms', query_log_file: queryLog },
      scrape_configs: [
        {
          job_name: 'gate',
          static_configs: [{ targets: [`127.0.0.1:${(target.address() as AddressInfo).port}`] }],
        },
      ],
    }),
  )
  const server = startServer(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { deathSignal: 'KILL' },
  )
  const get = async (path: string) => {
    const answer = await fetch(`${url}${path}`)
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
    return answer.text()
  }
  const stop = async () => {
    await server.stop('SIGTERM')
    target.closeAllConnections()
    await new Promise((done) => target.close(done))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await untilAnswers(server, 'Prometheus', () => get('/-/ready'))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url,
    gauge: (now) => void (value = now),
    queries: async () => queriesIn(await readFile(queryLog, 'utf8')),
    otherRequests: async () => otherRequestsIn(await get('/metrics')),
    stop,
  }
}

function queriesIn(log: string): string[] {
  const lines = log.split('\n').filter(Boolean)
  return lines.map((line) => (JSON.parse(line) as { params: { query: string } }).params.query)
}

/** What this helper itself asks for is left out. */
function otherRequestsIn(metrics: string): string[] {
  const counted = /^prometheus_http_requests_total\{.*handler="([^"]+)".*\} (\d+)$/gm
  return [...metrics.matchAll(counted)]
    .filter(
      ([, handler = '', count]) =>
        count !== '0' && !['/api/v1/query', '/metrics', '/-/ready'].includes(handler),
    )
    .map(([, handler, count]) => `${handler} ${count}`)
}
