import { canonicalJson } from '#model/digest.ts'

/** The bytes that are signed to sign in. Apart from sessions.ts, because the CLI makes them without zod. */
export function sessionStatement(site: string, principal: string, challenge: string): string {
  return canonicalJson({ purpose: 'session', site, principal, challenge })
}
