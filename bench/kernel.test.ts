import { expect, test } from 'vitest'
import { syncsIn } from './kernel.ts'

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
