import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, processFacts, type ProcessFacts } from '#platform/supervise/process-table.ts'

const tools = new Set(['pg_basebackup', 'pg_receivewal', 'pg_verifybackup'])

/** Ends the tools that a killed daemon left at work below the backup folder; two on one folder would ruin it. */
export async function endStrayTools(folder: string): Promise<number> {
  const strays = toolsBelow(folder)
  for (const stray of strays) end(stray, 'SIGTERM')
  for (let tries = 0; tries < 60 && strays.some(isAlive); tries++) {
    await new Promise((done) => setTimeout(done, 50))
  }
  for (const stray of strays.filter(isAlive)) end(stray, 'SIGKILL')
  return strays.length
}

function toolsBelow(folder: string): ProcessFacts[] {
  if (!existsSync(folder)) return []
  const root = join(realpathSync(folder), '/')
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => processFacts(Number(entry)))
    .filter((facts) => facts !== undefined)
    .filter(({ name, folder: at }) => tools.has(name) && at !== undefined && `${at}/`.startsWith(root))
}

function end(facts: ProcessFacts, signal: NodeJS.Signals): void {
  try {
    process.kill(facts.pid, signal)
  } catch {
    // It ended in between.
  }
}
