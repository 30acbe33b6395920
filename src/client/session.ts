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

const agentRemedy = {
  en: 'The context names a public key: its private half has to be in the agent that SSH_AUTH_SOCK names. See `ssh-add -L`; add it with `ssh-add KEY`, or `ssh-add -K` for a resident key on a token.',
  ko: '문맥 파일이 공개 키를 가리킵니다. 개인 키는 SSH_AUTH_SOCK이 가리키는 에이전트에 있어야 합니다. `ssh-add -L`로 확인하고 `ssh-add 키`로 더하십시오(토큰에 저장된 키는 `ssh-add -K`).',
}

const tokenRemedy = {
  en: 'Plug the token in and touch it when you are told to. `ssh-keygen` finds it by itself over USB; for another one SSH_SK_PROVIDER names its library.',
  ko: '토큰을 꽂고 안내가 나오면 만지십시오. USB 토큰은 `ssh-keygen`이 찾습니다. 다른 토큰은 SSH_SK_PROVIDER에 라이브러리를 지정하십시오.',
}

/** Signs bytes with a person's key. Throws `key-unusable` with what ssh-keygen said. */
export async function signWith(
  keyFile: string,
  principal: string,
  namespace: string,
  bytes: string,
): Promise<string> {
  const { sign } = await import('#platform/ssh.ts')
  let token = false
  try {
    return await sign(keyFile, namespace, bytes, {
      atTerminal: process.stdin.isTTY === true,
      onSaid: (text) => {
        // Of a token that waits to be touched; what went wrong is told with the error.
        if (!/user presence/i.test(text)) return
        token = true
        process.stderr.write(text)
      },
    })
  } catch (cause) {
    throw new HaetaeError('key-unusable', `key of ${principal}`, {
      where: keyFile,
      why: messageOf(cause),
      ...(token ? { remedy: tokenRemedy } : keyFile.endsWith('.pub') ? { remedy: agentRemedy } : {}),
      cause,
    })
  }
}
