import { randomBytes } from 'node:crypto'
import { Resolver } from 'node:dns/promises'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dnsReader, type DnsOptions } from '#platform/dns/client.ts'
import { ownedFolder } from './owned-folder.ts'
import { freePort, startServer, untilAnswers } from './processes.ts'

export interface TestNameServer {
  options: DnsOptions
  /** Serial of the zone: the server raises it with every update that changed something. */
  serial(): Promise<number>
  stop(): Promise<void>
}

/** A BIND on a free loopback port, primary for `gov.test.`, which takes updates signed with a key of its own. */
export async function startNameServer(records: readonly string[] = []): Promise<TestNameServer> {
  const folder = await ownedFolder('haetae-test-named-')
  const port = await freePort()
  const secret = randomBytes(32).toString('base64')
  const tsigKeyFile = join(folder, 'update.key')
  await writeFile(tsigKeyFile, `key "haetae" { algorithm hmac-sha256; secret "${secret}"; };\n`, {
    mode: 0o600,
  })
  const zone = [
    '$TTL 5',
    '@ IN SOA ns.gov.test. admin.gov.test. ( 1 60 30 3600 1 )',
    '@ IN NS ns.gov.test.',
    'ns IN A 127.0.0.1',
    ...records,
  ]
  await writeFile(join(folder, 'zone'), `${zone.join('\n')}\n`)
  await writeFile(join(folder, 'named.conf'), configuration(folder, port, tsigKeyFile))
  const server = startServer('named', ['-g', '-n', '1', '-c', join(folder, 'named.conf')], {
    deathSignal: 'KILL',
  })
  const options: DnsOptions = { host: '127.0.0.1', port, zone: 'gov.test.', tsigKeyFile }
  const stop = async () => {
    await server.stop('SIGTERM')
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const reader = dnsReader({ ...options, timeoutMs: 1000 })
    await untilAnswers(server, 'the name server', () =>
      reader.lookUp('ns.gov.test', new AbortController().signal),
    )
  } catch (error) {
    await stop()
    throw error
  }
  return { options, serial: () => serialOf(port), stop }
}

function configuration(folder: string, port: number, keyFile: string): string {
  return `
include "${keyFile}";
options {
  directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  dnssec-validation no;
  pid-file none;
  session-keyfile none;
};
controls { };
zone "gov.test" { type primary; file "${folder}/zone"; update-policy { grant haetae zonesub ANY; }; };
`
}

async function serialOf(port: number): Promise<number> {
  const resolver = new Resolver()
  resolver.setServers([`127.0.0.1:${port}`])
  return (await resolver.resolveSoa('gov.test')).serial
}
