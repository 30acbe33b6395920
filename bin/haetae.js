#!/usr/bin/env node
// Plain JavaScript: it runs on whatever Node the machine has, and hands over to the packaged one when that is too old.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const needed = 26
const here = dirname(fileURLToPath(import.meta.url))

if (Number(process.versions.node.split('.')[0]) >= needed) {
  // Half of a short command's time is compiling; the cache is keyed by content, so it is never stale.
  enableCompileCache?.(
    join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'haetae', 'compile-cache'),
  )
  await import('./haetae.ts')
} else {
  const packaged = join(here, '../node_modules/node/bin/node')
  if (!existsSync(packaged)) {
    process.stderr.write(
      `Haetae needs Node ${needed}; this is ${process.version}, and the packaged one is not installed.\n` +
        'To do: run `npm install` in the checkout (without --ignore-scripts).\n',
    )
    process.exit(6)
  }
  const child = spawn(packaged, [join(here, 'haetae.js'), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
}
