import { connect } from 'node:net'

/**
 * What a host did when it was knocked at: `open`, `refused` (the host lives, nothing listens), or `silent`
 * (nothing came back, or there was no way to it).
 */
export interface Knock {
  result: 'open' | 'refused' | 'silent'
  why: string
}

/** Tries to open one TCP connection and closes it at once. Never throws. */
export function knock(host: string, port: number, deadlineMs: number, signal: AbortSignal): Promise<Knock> {
  return new Promise((done) => {
    const socket = connect({ host, port })
    const finish = (result: Knock['result'], why: string): void => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      done({ result, why })
    }
    const onAbort = (): void => finish('silent', 'the look was called off')
    socket.setTimeout(deadlineMs, () => finish('silent', `no answer within ${deadlineMs} ms`))
    socket.once('connect', () => finish('open', 'it accepted a connection'))
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET'
        ? finish('refused', `it refused the connection (${error.code})`)
        : finish('silent', error.message),
    )
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}
