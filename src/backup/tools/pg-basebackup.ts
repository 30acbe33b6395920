import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { runChild } from '#platform/child.ts'
import type { CopyFacts, Source } from '../backup.ts'
import { connectionString, passwordEnvironment, toolPath, type ReplicationAccess } from './source.ts'

export interface BaseBackupOptions {
  source: Source
  access: ReplicationAccess
  /** Where the copy will lie; made under another name and renamed when it is whole and verified. */
  folder: string
  signal: AbortSignal
  /** Share of the copy that is done, 0 to 1. */
  onProgress?: (share: number) => void
}

/** Thrown when a tool failed; the message is what the tool said. */
export class ToolFailed extends Error {
  constructor(tool: string, why: string) {
    super(`${tool}: ${why}`)
    this.name = 'ToolFailed'
  }
}

/**
 * Takes a whole copy of a database server over its replication protocol, with the WAL that makes it consistent, and
 * checks every file against the manifest. Throws ToolFailed; `backup-tool-missing`. A broken copy is removed.
 */
export async function takeBaseBackup(options: BaseBackupOptions): Promise<CopyFacts> {
  const { folder, signal } = options
  const draft = `${folder}.partial`
  await rm(draft, { recursive: true, force: true })
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 })
  try {
    await copy(options, draft)
    await verify(options, draft)
    const facts = await factsOf(draft)
    signal.throwIfAborted()
    await rename(draft, folder)
    await syncFolder(dirname(folder))
    return { ...facts, folder }
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
}

async function copy({ source, access, signal, onProgress }: BaseBackupOptions, draft: string): Promise<void> {
  const end = await runChild({
    program: toolPath('pg_basebackup', access),
    args: [
      ...['-d', connectionString(source, access, 'haetae-basebackup'), '-D', draft, '-F', 'plain'],
      ...['-X', 'stream', '-c', 'fast', '-P', '-w', '--manifest-checksums=SHA256'],
      ...['-l', `haetae ${source.system}`],
    ],
    folder: dirname(draft),
    environment: passwordEnvironment(access),
    signal,
    onLine: (line) => {
      const share = /\((\d+)%\)/.exec(line)?.[1]
      if (share !== undefined) onProgress?.(Number(share) / 100)
    },
  })
  signal.throwIfAborted()
  if (end.code !== 0)
    throw new ToolFailed('pg_basebackup', end.said || `ended with ${end.code ?? end.signal}`)
  // Its own last word is of the size at the beginning, and databases may have shrunk meanwhile.
  onProgress?.(1)
}

async function verify({ access, signal }: BaseBackupOptions, draft: string): Promise<void> {
  const end = await runChild({
    program: toolPath('pg_verifybackup', access),
    args: ['-e', draft],
    folder: dirname(draft),
    signal,
  })
  signal.throwIfAborted()
  if (end.code !== 0)
    throw new ToolFailed('pg_verifybackup', end.said || `ended with ${end.code ?? end.signal}`)
}

const manifestShape = z.object({
  Files: z.array(z.object({ Size: z.number() })),
  'WAL-Ranges': z.array(z.object({ 'End-LSN': z.string() })).min(1),
})

async function factsOf(draft: string): Promise<Omit<CopyFacts, 'folder'>> {
  const bytes = await readFile(join(draft, 'backup_manifest'))
  const manifest = manifestShape.parse(JSON.parse(bytes.toString()))
  const label = await readFile(join(draft, 'backup_label'), 'utf8')
  return {
    bytes: manifest.Files.reduce((sum, file) => sum + file.Size, 0),
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    recoveryPoint: startTimeOf(label),
    position: manifest['WAL-Ranges'].at(-1)?.['End-LSN'] ?? '',
    verified: true,
    excluded: [],
  }
}

/** `START TIME: 2026-11-24 06:00:00 UTC` on the source's clock; what the copy holds is at least as new. */
function startTimeOf(label: string): string {
  const time = /^START TIME: (\S+ \S+) (?:UTC|GMT|Etc\/UTC)$/m.exec(label)?.[1]
  if (time === undefined) {
    const said = /^START TIME: .*$/m.exec(label)?.[0] ?? 'no START TIME'
    throw new ToolFailed('pg_basebackup', `the source's time zone has to be UTC; its label says "${said}"`)
  }
  return new Date(`${time.replace(' ', 'T')}Z`).toISOString()
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}
