import { openDbos } from './dbos.ts'
import type { Answer, Peer, PeerName, PeerPlace, Request } from './peer.ts'
import { openRestate } from './restate.ts'

// The process of one peer: node host.ts NAME FOLDER POSTGRES. Does what the bench asks, and ends with it.

const openers: Record<PeerName, (place: PeerPlace) => Promise<Peer>> = {
  'DBOS Transact': openDbos,
  Restate: openRestate,
}

const [name, folder = '', postgres = ''] = process.argv.slice(2)

function answer(what: Answer): void {
  if (process.connected) process.send?.(what)
}

function failed(error: unknown): void {
  answer({ kind: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}

async function obey(peer: Peer, asked: Request): Promise<void> {
  try {
    if (asked.kind === 'run') answer({ kind: 'done', done: await peer.run(asked.work) })
    else answer({ kind: 'syncs', syncs: await peer.syncs() })
  } catch (error) {
    failed(error)
  }
}

let leave = (): Promise<unknown> => Promise.resolve()
// A Ctrl-C on the terminal reaches this process too; when it ends is for the bench to say.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
process.once('disconnect', () => {
  void leave().finally(() => process.exit())
})
try {
  const peer = await openers[name as PeerName]({ folder, postgres })
  leave = () => peer.stop()
  process.on('message', (asked: Request) => void obey(peer, asked))
  answer({ kind: 'ready', facts: peer.facts })
} catch (error) {
  failed(error)
  process.disconnect?.()
}
