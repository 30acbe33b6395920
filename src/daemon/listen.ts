import { chmodSync, readFileSync, rmSync } from 'node:fs'
import { buildApi, type ApiOptions } from '#api/server.ts'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { layoutOf, type Config } from './config.ts'
import type { Releasers } from './releasers.ts'

/**
 * Opens the API on the Unix socket of the data folder and, when configured, on TCP with TLS; both serve the same.
 * Throws `listen-failed` with address and reason, `config-unreadable` for a certificate.
 */
export async function listen(
  config: Config,
  options: Omit<ApiOptions, 'tls'>,
  releasers: Releasers,
): Promise<void> {
  const local = buildApi(options)
  releasers.add('API on the Unix socket', () => local.close())
  const { socket } = layoutOf(config)
  // The data folder is held by us, so a socket that is there is a killed daemon's.
  rmSync(socket, { force: true })
  await opened(socket, () => local.listen({ path: socket }))
  chmodSync(socket, 0o600)
  if (config.listen === undefined) return
  const { host, port, tls } = config.listen
  const remote = buildApi({ ...options, tls: { cert: pem(tls.cert), key: pem(tls.key), ca: pem(tls.ca) } })
  releasers.add('API on TCP', () => remote.close())
  await opened(`${host}:${port}`, () => remote.listen({ host, port }))
}

async function opened(where: string, open: () => Promise<string>): Promise<void> {
  try {
    await open()
  } catch (cause) {
    throw new HaetaeError('listen-failed', where, { where, why: messageOf(cause), cause })
  }
}

function pem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HaetaeError('config-unreadable', 'a certificate of the API', {
      where: file,
      why: messageOf(cause),
      remedy: 'Correct the paths under listen.tls, or make the file readable for the daemon.',
      cause,
    })
  }
}
