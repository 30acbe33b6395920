import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { HaetaeError, messageOf } from '#model/errors.ts'
import type { Context } from './context.ts'

/** A bearer token and when it ends (milliseconds since the epoch). */
export interface CachedSession {
  token: string
  expiresAt: number
}

function fileOf(context: Context, site: string, principal: string): string {
  return join(dirname(context.file), 'sessions', `${site}-${principal}.json`)
}

/** The cached session of a person at a site; undefined when there is none or it is about to end. */
export function readSession(context: Context, site: string, principal: string): CachedSession | undefined {
  try {
    const read: unknown = JSON.parse(readFileSync(fileOf(context, site, principal), 'utf8'))
    const { token, expiresAt } = read as Partial<CachedSession>
    if (typeof token !== 'string' || typeof expiresAt !== 'number') return undefined
    return expiresAt > Date.now() + 5000 ? { token, expiresAt } : undefined
  } catch {
    return undefined
  }
}

/** Keeps a session for the next command, readable by its owner only; a folder that cannot be written is no error. */
export function writeSession(
  context: Context,
  site: string,
  principal: string,
  session: CachedSession,
): void {
  const file = fileOf(context, site, principal)
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, JSON.stringify(session), { mode: 0o600 })
  } catch {
    // Without a cache each command signs in by itself, which costs some milliseconds.
  }
}

export function forgetSession(context: Context, site: string, principal: string): void {
  rmSync(fileOf(context, site, principal), { force: true })
}

/** Signs bytes with a person's key. Throws `key-unusable` with what ssh-keygen said. */
export async function signWith(
  keyFile: string,
  principal: string,
  namespace: string,
  bytes: string,
): Promise<string> {
  const { sign } = await import('#platform/ssh.ts')
  try {
    return await sign(keyFile, namespace, bytes)
  } catch (cause) {
    throw new HaetaeError('key-unusable', `key of ${principal}`, {
      where: keyFile,
      why: messageOf(cause),
      cause,
    })
  }
}
