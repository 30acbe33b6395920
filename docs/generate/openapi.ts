import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openapi } from '#api/openapi.ts'

/** docs/openapi.json: the contract of the API, as the daemon answers GET /openapi.json. */
export function openapiText(): string {
  const file = join(import.meta.dirname, '../../package.json')
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return JSON.stringify(openapi(version))
}
