import { request } from 'node:http'
import { PreconditionRefused, Unreachable } from '#runbook/step-type.ts'

/** Asks the world outside. Throws Unreachable without an answer, PreconditionRefused for a stale one. */
export function ask(socketPath: string, path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
  return new Promise((done, fail) => {
    const lost = (error: Error): void => fail(new Unreachable(path, error))
    const options = { socketPath, path, method: 'POST', agent: false as const }
    const asked = request(signal === undefined ? options : { ...options, signal }, (response) => {
      let text = ''
      response.on('error', lost)
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => {
        if (response.statusCode === 200) done(JSON.parse(text))
        else if (response.statusCode === 409) fail(new PreconditionRefused(path, text))
        else fail(new Error(`${path} answered ${response.statusCode}: ${text}`))
      })
    })
    asked.on('error', lost)
    asked.end(JSON.stringify(body))
  })
}
