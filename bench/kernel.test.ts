import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { programPath } from '../bootstrap/place.mjs'
import { countSyncs, syncsIn } from './kernel.ts'

test('a sync counts once, where it returns, and only when it succeeded', () => {
  const trace = [
    '712 fdatasync(5) = 0',
    '713 fsync(12)                       = 0',
    '714 fdatasync(5 <unfinished ...>',
    '712 fdatasync(6)                    = -1 EIO (Input/output error)',
    '714 <... fdatasync resumed>)        = 0',
    '715 <... fsync resumed>)            = -1 EIO (Input/output error)',
    '716 +++ exited with 0 +++',
    '712 --- SIGUSR1 {si_signo=SIGUSR1} ---',
    '',
  ].join('\n')
  expect(syncsIn(trace)).toBe(3)
})

test('nothing synced is none', () => {
  expect(syncsIn('')).toBe(0)
})

const syncs = `
  const { fdatasyncSync, fsyncSync, openSync, writeSync } = require('node:fs')
  const file = openSync(process.argv[1], 'w')
  process.stdin.once('data', () => {
    for (let each = 0; each < 5; each++) {
      writeSync(file, 'x')
      fdatasyncSync(file)
    }
    fsyncSync(file)
    process.stdin.destroy()
  })
  console.log('ready')
`

// strace comes with the bench, not with the tests.
test.runIf(programPath('strace') !== undefined)(
  'the kernel’s count is that of the syncs which a process made',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'haetae-syncs-'))
    const child = spawn(process.execPath, ['-e', syncs, join(folder, 'file')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    try {
      const ended = once(child, 'exit')
      await once(child.stdout, 'data')
      const counted = await countSyncs([child.pid ?? 0], folder, async () => {
        child.stdin.write('now')
        await ended
      })
      expect(counted).toBe(6)
    } finally {
      child.kill()
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
