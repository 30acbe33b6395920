import { recordFile } from '../../lab/citizens/start.ts'
import { EVERYTHING } from '../../lab/contents.ts'
import { down } from '../../lab/down.ts'
import { haetae } from '../../lab/drill/commands.ts'
import { HaetaeView, type Run } from '../../lab/drill/haetae-view.ts'
import { RecordTail } from '../../lab/drill/record-tail.ts'
import { until } from '../../lab/drill/waiting.ts'
import { attempt, run as execute } from '../../lab/command.ts'
import { placeFolder, type Instance, type SiteId } from '../../lab/instance.ts'
import { inPlace } from '../../lab/place.ts'
import { labContextFile } from '../../lab/systems/people.ts'
import { up } from '../../lab/up.ts'
import { testInstance } from './test-lab.ts'

const bin = new URL('../../bin/haetae.js', import.meta.url).pathname
const ids = ['AID', 'NSS']
const minuteMs = 60_000

/** A lab of two systems: AID on a database, and NSS, which keeps no data and needs AID. */
export interface PairLab {
  instance: Instance
  view: HaetaeView
  record: RecordTail
  /** Runs a command and gives what `--json` prints. */
  command(...args: string[]): Promise<unknown>
  /** Runs a command that has to fail, and gives its error. */
  refused(...args: string[]): Promise<Problem>
  /** Waits until the run has succeeded. */
  succeeded(site: SiteId, run: string): Promise<Run>
  /** Asks a web service at an address, as a citizen does. */
  ask(request: ServiceRequest): Promise<number>
  end(): Promise<void>
}

export interface Problem {
  code: string
  what: string
  why: string
  remedy: string
}

export interface ServiceRequest {
  address: string
  name: string
  method: 'GET' | 'POST'
  path: string
  body?: object
}

/** Brings it up and waits until citizens are served by both systems. */
export async function pairLab(): Promise<PairLab> {
  const instance = testInstance()
  await down(instance)
  await up({ instance, contents: { ...EVERYTHING, estate: 'lab-pair' } })
  const contextFile = labContextFile(instance)
  const view = new HaetaeView(contextFile)
  const record = new RecordTail(recordFile(instance))
  await until(() => bothServe(view, record), { ...patiently, what: 'both systems serve' })
  return {
    ...{ instance, view, record },
    command: (...args) => haetae(args, contextFile),
    refused: async (...args) => {
      const { code, stdout } = await attempt([process.execPath, bin, ...args, '--json'], {
        env: { HAETAE_CONTEXT: contextFile },
      })
      if (code === 0) throw new Error(`it was not refused: ${stdout}`)
      return (JSON.parse(stdout) as { error: Problem }).error
    },
    succeeded: (site, run) =>
      until(
        async () => {
          const found = await view.run(site, run)
          if (found.state === 'succeeded') return { done: found }
          if (['failed', 'canceled', 'needs-person'].includes(found.state))
            throw new Error(`run ${run} is ${found.state}: ${JSON.stringify(found.graph, null, 1)}`)
          return { notYet: `${found.nodesDone} of ${found.nodes} steps` }
        },
        { ...patiently, what: `run ${run}` },
      ),
    ask: (request) => ask(instance, request),
    end: async () => void (await down(instance)),
  }
}

const patiently = { withinMs: 3 * minuteMs, signal: new AbortController().signal }

async function bothServe(view: HaetaeView, record: RecordTail) {
  const meetings = await record.read()
  const seen = await view.systems('gwangju')
  const waiting = ids.filter((id) => {
    const meeting = meetings.get(id)
    const health = seen.find((one) => one.id === id)?.health
    return meeting === undefined || meeting.away || meeting.acknowledged < 3 || health !== 'up'
  })
  return waiting.length === 0 ? { done: true } : { notYet: `not yet: ${waiting.join(', ')}` }
}

async function ask(instance: Instance, request: ServiceRequest): Promise<number> {
  const ca = `${placeFolder(instance, 'citizens')}/lab-ca.crt`
  const argv = [process.execPath, '-e', asking, JSON.stringify({ ...request, ca })]
  return Number(await execute([...(await inPlace(instance, 'citizens')), ...argv]))
}

/** Runs in the citizens' place; prints the status. */
const asking = `
const { address, name, method, path, body, ca } = JSON.parse(process.argv[1])
const text = body === undefined ? '' : JSON.stringify(body)
const headers = { host: name, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
const options = { host: address, port: 443, servername: name, path, method, headers, timeout: 5000, ca: require('fs').readFileSync(ca) }
const outgoing = require('https').request(options, (answer) => { answer.resume(); process.stdout.write(String(answer.statusCode)) })
outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 5 s')))
outgoing.end(text)
`
