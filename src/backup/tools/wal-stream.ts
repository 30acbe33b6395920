import { mkdir } from 'node:fs/promises'
import { runChild, type ChildEnd } from '#platform/child.ts'
import type { Source } from '../backup.ts'
import { ToolFailed } from './pg-basebackup.ts'
import { connectionString, passwordEnvironment, toolPath, type ReplicationAccess } from './source.ts'

export interface WalStreamOptions {
  source: Source
  access: ReplicationAccess
  /** Where the segments are written. */
  folder: string
  /** Slot at the source: it keeps what we have not received yet. */
  slot: string
  signal: AbortSignal
  /** The source has accepted us: receiving begins. */
  onBegin?: () => void
}

/** The slot and application name of a site's WAL stream, the same at every source. */
export function walSlotOf(site: string): string {
  return `haetae_${site.replaceAll('-', '_')}_wal`
}

/**
 * Receives WAL until the connection is lost or the signal aborts. Returns on the signal; throws ToolFailed when the
 * stream ended by itself, `backup-tool-missing`. A segment under way has the ending `.partial`.
 */
export async function streamWal(options: WalStreamOptions): Promise<void> {
  const { folder, signal } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const made = await receive(options, ['--create-slot', '--if-not-exists'])
  if (signal.aborted) return
  if (made.code !== 0)
    throw new ToolFailed('pg_receivewal --create-slot', made.said || `ended with ${made.code}`)
  options.onBegin?.()
  // --no-loop: reconnecting is ours, so that every loss is seen and written down.
  const end = await receive(options, ['-D', folder, '--no-loop', '--status-interval=1'])
  if (signal.aborted) return
  throw new ToolFailed('pg_receivewal', end.said || `ended with ${end.code ?? end.signal}`)
}

function receive(
  { source, access, folder, slot, signal }: WalStreamOptions,
  more: string[],
): Promise<ChildEnd> {
  return runChild({
    program: toolPath('pg_receivewal', access),
    args: ['-d', connectionString(source, access, slot), '-S', slot, '-w', ...more],
    folder,
    environment: passwordEnvironment(access),
    signal,
    nice: 5,
  })
}
