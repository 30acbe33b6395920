import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { holderOf } from '#daemon/execution.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function place(): string {
  const folder = mkdtempSync(join(tmpdir(), 'haetae-holder-'))
  folders.push(folder)
  mkdirSync(join(folder, 'daemon'))
  return folder
}

const nameAt = (folder: string) => holderOf({ site: 'gwangju', dataDir: join(folder, 'daemon') })

test('a restart on a data folder is the same daemon, started anew', () => {
  const here = place()
  const [first, second] = [nameAt(here), nameAt(here)]
  expect(second.daemon).toBe(first.daemon)
  expect(second.incarnation).not.toBe(first.incarnation)
})

test('two data folders are two daemons although they have one path, as on two machines', () => {
  const here = place()
  const first = nameAt(here)
  renameSync(join(here, 'daemon'), join(here, 'elsewhere'))
  mkdirSync(join(here, 'daemon'))
  expect(nameAt(here).daemon).not.toBe(first.daemon)
  rmSync(join(here, 'daemon'), { recursive: true })
  renameSync(join(here, 'elsewhere'), join(here, 'daemon'))
  expect(nameAt(here).daemon).toBe(first.daemon)
})

test('a name that a crash cut short is made anew, and kept from then on', () => {
  const here = place()
  writeFileSync(join(here, 'daemon', 'daemon-id'), '')
  const { daemon } = nameAt(here)
  expect(daemon).toMatch(/^haetae-gwangju-[0-9a-f]{8}$/)
  expect(nameAt(here).daemon).toBe(daemon)
})
