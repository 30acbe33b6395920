import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { Client } from '#client/client.ts'
import { signDeclaration } from '#client/signing.ts'
import { isHaetaeError } from '#model/errors.ts'
import { generateKey } from '#platform/ssh.ts'
import { stepTypes } from '#steps/index.ts'
import { Random } from '../sim/world/random.ts'
import { Victim } from './processes.ts'
import type { Scenario } from './scenario.ts'
import { storageOf } from './storage.ts'
import { EffectLedger } from './world/effects.ts'
import { WorldServer } from './world/server.ts'

const checkout = join(import.meta.dirname, '../..')
/** Systems that are active at the daemons' site, one for each run. */
const twoSystems = ['UNI', 'HTX']
const attemptMs = 2_000

/**
 * Two real `haetae daemon` processes of one site on one PostgreSQL, which one of them supervises. People sign an
 * operation on each system, whose steps call a web service, which keeps its own record of what it did.
 */
export function daemonScenario(
  seed: number,
  random: Random,
  rounds: string,
  logs: string,
  systems = twoSystems,
): Scenario {
  // Rounds of one folder share nothing here: each has keys and a catalogue of its own.
  const folder = join(rounds, `daemons-${seed}`)
  mkdirSync(folder, { mode: 0o711 }) // the user of PostgreSQL walks through
  const dataDir = join(folder, 'one')
  const effects = new EffectLedger(join(logs, 'effects.jsonl'))
  const world = new WorldServer('', effects, new Random(seed + 1))
  const runs: string[] = []
  const storage = storageOf(join(dataDir, 'postgres'))
  const victims = ['one', 'two'].map((name) => {
    const argv = [join(checkout, 'bin/haetae.ts'), 'daemon', '--config', join(folder, `${name}.yaml`)]
    return new Victim({ name, argv, worksMessage: 'the daemon is up' }, logs)
  })
  return {
    ...{ victims, runs, world, effects, dataDir, stepTypes, ...storage },
    // Nobody can see what became of a call that cannot be looked up.
    ...{ ttlMs: 15_000, attemptMs, mishapsAtMost: 6, withinMs: 300_000, mayAsk: ['unfenced', 'unclear'] },
    async begin() {
      const keyFile = await writeFolder(folder, random, await world.listen(true))
      const [one] = victims
      one?.start()
      if (!(await one?.works(60_000))) throw new Error(`it did not start: ${one?.tail(5)}`)
      for (const victim of victims.slice(1)) victim.start()
      const client = clientOf(join(dataDir, 'haetae.sock'), keyFile)
      for (const system of systems) runs.push(await declare(client, system, world))
    },
  }
}

function clientOf(socket: string, keyFile: string): Client {
  return new Client({
    context: {
      ...{ file: join(keyFile, '../context.json'), defaultSite: 'gwangju', principal: 'operator-1' },
      installation: 'chaos',
      sites: { gwangju: { socket } },
      keys: { 'operator-1': keyFile },
    },
  })
}

/** Requests an operation as `haetae runbook run` does; the world knows the run before its first step. */
async function declare(client: Client, system: string, world: WorldServer): Promise<string> {
  const request = { runbook: 'chaos', systems: [system], inputs: {} }
  for (;;) {
    try {
      const draft = await client.call('planOperation', { body: request })
      world.runOf.set(system, draft.run)
      const declaration = await signDeclaration(draft, client.signing, 'chaos', Date.now())
      await client.call('declareOperation', { body: { ...request, run: draft.run, declaration } })
      return draft.run
    } catch (error) {
      if (!isHaetaeError(error, 'daemon-unreachable') && !isHaetaeError(error, 'postgres-unavailable'))
        throw error
      await sleep(200)
    }
  }
}

/** Catalogue and configurations of both daemons; returns the operator's key file. */
async function writeFolder(folder: string, random: Random, url: string): Promise<string> {
  const catalogueDir = join(folder, 'catalogue')
  mkdirSync(join(catalogueDir, 'runbooks'), { recursive: true })
  for (const file of ['estate.yaml', 'lab.yaml'])
    cpSync(join(checkout, 'estate', file), join(catalogueDir, file))
  for (const name of ['runbooks', 'policies'])
    cpSync(join(checkout, name), join(catalogueDir, name), { recursive: true })
  const keyFile = join(folder, 'operator-1')
  const publicKey = await generateKey(keyFile, 'operator-1')
  const key = { publicKey, validFrom: '2020-01-01', validUntil: '2099-01-01' }
  const roster = { principals: [{ id: 'operator-1', roles: ['operator'], keys: [key] }] }
  writeFileSync(join(catalogueDir, 'roster.yaml'), stringify(roster))
  writeFileSync(join(catalogueDir, 'runbooks', 'chaos.yaml'), stringify(randomRunbook(random, url)))
  const common = {
    installation: 'chaos',
    site: 'gwangju',
    catalogueDir,
    services: [{ url }],
    ...targetsNobodyAsks(folder),
  }
  const one = { ...common, dataDir: join(folder, 'one') }
  const postgres = encodeURIComponent(join(folder, 'one', 'postgres'))
  const two = {
    ...{ ...common, dataDir: join(folder, 'two') },
    postgres: { url: `postgresql://haetae@/haetae?host=${postgres}` },
  }
  for (const [name, config] of Object.entries({ one, two }))
    writeFileSync(join(folder, `${name}.yaml`), stringify(config))
  return keyFile
}

/** A daemon executes runs only when it knows these; no step of the operation needs them. */
function targetsNobodyAsks(folder: string): object {
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const cluster = { name: 'here', cluster: { server: 'https://127.0.0.1:1' } }
  const context = { name: 'here', context: { cluster: 'here', user: 'here' } }
  const kubeconfig = { apiVersion: 'v1', kind: 'Config', 'current-context': 'here' }
  const users = [{ name: 'here', user: { token: 'none' } }]
  const kube = { ...kubeconfig, clusters: [cluster], contexts: [context], users }
  const tsig = 'key "haetae" { algorithm hmac-sha256; secret "AAAAAAAAAAAAAAAAAAAAAA=="; };'
  const caFile = file('ca.crt', '')
  const passwordFile = file('password', 'none')
  return {
    redis: { url: 'unix:///nowhere' },
    kubernetes: { kubeconfig: file('kubeconfig', stringify(kube)) },
    dns: { server: '127.0.0.1', port: 1, zone: 'gov.test.', tsigKeyFile: file('tsig.key', tsig) },
    databases: { caFile, reader: { passwordFile }, writer: { passwordFile } },
    probe: { caFile },
  }
}

/** An operation of some calls, in a graph; most of them can be looked up afterwards. */
function randomRunbook(random: Random, url: string): object {
  const names = Array.from({ length: 6 + random.below(6) }, (_, index) => `s${index}`)
  const steps = names.map((id, index) => ({
    ...{ id, title: { ko: id, en: id }, type: 'http.call' },
    needs: [...new Set(names.slice(0, index).filter(() => random.chance(0.25)))],
    with: {
      ...{ url, path: '/effects', body: { system: '${{ system.id }}', step: id } },
      ...(random.chance(0.75) ? { check: { path: '/effects/{key}' } } : {}),
    },
    verify: { within: '10s', every: '500ms' },
    timeout: { attempt: `${attemptMs}ms`, total: '10m' },
    retry: { max: 20, pause: '100ms' },
  }))
  return {
    ...{ apiVersion: 'haetae/v1', kind: 'Runbook', modes: ['operation'], steps },
    metadata: { name: 'chaos', title: { ko: '혼란', en: 'Chaos' } },
  }
}
