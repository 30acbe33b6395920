import { readFileSync } from 'node:fs'

/** A hard dependency of the system: its id and the name under which it is asked. */
export interface DependencyName {
  id: string
  name: string
}

export interface DatabaseSettings {
  host: string
  port: number
  name: string
  user: string
  password: string
}

/** What the service is told by its pod's environment. */
export interface Settings {
  system: string
  site: string
  port: number
  metricsPort: number
  dependencies: DependencyName[]
  /** null for a system that keeps no data. */
  database: DatabaseSettings | null
  tls: { ca: string; cert: string; key: string }
}

/**
 * Reads the settings from the environment: SYSTEM, SITE, PORT (8443), METRICS_PORT (9100),
 * DEPENDENCIES (`AID=aid.gov.test,RRS=rrs.gov.test`), TLS_DIR with ca.crt, tls.crt and tls.key; and unless the system
 * keeps no data DATABASE_HOST, DATABASE_PORT (5432), DATABASE_NAME (app),
 * DATABASE_USER (app), DATABASE_PASSWORD_FILE.
 * Throws Error naming the variable that is missing.
 */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const need = (name: string): string => {
    const value = env[name]
    if (value === undefined || value === '') throw new Error(`${name} is not set`)
    return value
  }
  const tlsDir = need('TLS_DIR')
  const file = (path: string) => readFileSync(path, 'utf8')
  return {
    system: need('SYSTEM'),
    site: need('SITE'),
    port: Number(env['PORT'] ?? 8443),
    metricsPort: Number(env['METRICS_PORT'] ?? 9100),
    dependencies: parseDependencies(env['DEPENDENCIES'] ?? ''),
    database:
      env['DATABASE_HOST'] === undefined
        ? null
        : {
            host: need('DATABASE_HOST'),
            port: Number(env['DATABASE_PORT'] ?? 5432),
            name: env['DATABASE_NAME'] ?? 'app',
            user: env['DATABASE_USER'] ?? 'app',
            password: file(need('DATABASE_PASSWORD_FILE')).trim(),
          },
    tls: { ca: file(`${tlsDir}/ca.crt`), cert: file(`${tlsDir}/tls.crt`), key: file(`${tlsDir}/tls.key`) },
  }
}

/** `AID=aid.gov.test,RRS=rrs.gov.test` as a list; throws Error for a part that is not `ID=NAME`. */
export function parseDependencies(text: string): DependencyName[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([A-Z0-9]+)=([a-z0-9.-]+)$/.exec(part)
      if (match === null) throw new Error(`DEPENDENCIES: "${part}" is not ID=NAME`)
      return { id: match[1] as string, name: match[2] as string }
    })
}
