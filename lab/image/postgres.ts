import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from '../instance.ts'
import type { ImageSpec } from './build.ts'
import { baseRootFs } from './root-fs.ts'

export const postgresUser = 5432

const version = '15'
const bin = `/usr/lib/postgresql/${version}/bin`
const lib = `/usr/lib/postgresql/${version}/lib`
const programs = [
  ...['postgres', 'initdb', 'psql', 'pg_basebackup', 'pg_isready', 'pg_ctl', 'pg_controldata', 'pg_rewind'],
]

/** The image of a system's database: Debian's PostgreSQL 15 as the host has it, and the lab's start script. */
export async function postgresImage(): Promise<ImageSpec> {
  const root = baseRootFs([{ name: 'postgres', uid: postgresUser, home: '/data' }])
  for (const program of programs) root.file(join(bin, program))
  const modules = readdirSync(lib).filter((name) => name.endsWith('.so') && !name.startsWith('llvmjit'))
  for (const name of modules) root.file(join(lib, name))
  await root.libraries([...programs.map((name) => join(bin, name)), join(lib, 'libpqwalreceiver.so')])
  root.tree(`/usr/share/postgresql/${version}`, undefined, (path) => !path.startsWith('man/'))
  for (const zone of ['UTC', 'Asia/Seoul']) root.file(`/usr/share/zoneinfo/${zone}`)
  root.folder('data').folder('var/run/postgresql', 0o1777)
  for (const name of ['start.sh', 'postgresql.conf', 'pg_hba.conf']) {
    root.text(
      `etc/haetae-lab/${name}`,
      readFileSync(join(import.meta.dirname, 'postgres', name)),
      name.endsWith('.sh') ? 0o755 : 0o644,
    )
  }
  for (const name of ['roles.sql', 'haetae.sql'])
    root.text(`etc/haetae-lab/${name}`, readFileSync(join(CHECKOUT, 'manifests/postgres', name)), 0o644)
  return {
    name: 'haetae-lab/postgres',
    root,
    entrypoint: ['/bin/sh', '/etc/haetae-lab/start.sh'],
    env: [`PATH=${bin}:/bin`, 'LANG=C.UTF-8', 'TZ=UTC'],
    user: String(postgresUser),
  }
}
