import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hold, holderOf, holdFolder } from './hold.ts'

const unique = (): string => `hold test ${process.pid} ${Math.random()}`

describe('hold', () => {
  test('a second holder is refused and told which process holds it', async () => {
    const name = unique()
    const release = await hold(name)
    await expect(hold(name)).rejects.toMatchObject({
      code: 'already-held',
      facts: { holder: { pid: process.pid } },
    })
    await release()
  })

  test('a released name can be held again', async () => {
    const name = unique()
    await (
      await hold(name)
    )()
    expect(await holderOf(name)).toBeUndefined()
    await (
      await hold(name)
    )()
  })

  test('a holder killed with SIGKILL holds nothing, and its children do not inherit the hold', async () => {
    const name = unique()
    const script = `
      const { hold } = await import('#platform/hold.ts')
      await hold(${JSON.stringify(name)})
      const child = (await import('node:child_process')).spawn('sleep', ['5'], { detached: true, stdio: 'ignore' })
      console.log(child.pid)
      setInterval(() => {}, 1000)`
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(holder.stdout, 'data')) as [Buffer]
    expect((await holderOf(name))?.pid).toBe(holder.pid)
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await (
      await hold(name)
    )()
    process.kill(Number(line.toString()))
  })
})

describe('the hold of a folder', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'haetae-hold-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('is seen from another network namespace, where the abstract socket is not', async () => {
    // What a process of another namespace leaves to see: the socket in the folder, and nothing else.
    const other = createServer((socket) =>
      socket.end(JSON.stringify({ pid: 42, since: '2026-11-24T06:00:00Z' })),
    )
    await new Promise<void>((done) => other.listen(join(folder, 'hold.sock'), done))
    await expect(holdFolder(folder)).rejects.toMatchObject({
      code: 'already-held',
      facts: { holder: { pid: 42 } },
    })
    await new Promise((done) => other.close(done))
    await (
      await holdFolder(folder)
    )()
  })

  test('is refused to a second one, and ends with a killed holder', async () => {
    const script = `
      const { holdFolder } = await import('#platform/hold.ts')
      await holdFolder(${JSON.stringify(folder)})
      console.log('held')
      setInterval(() => {}, 1000)`
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(holder.stdout, 'data')
    await expect(holdFolder(folder)).rejects.toMatchObject({ facts: { holder: { pid: holder.pid } } })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await (
      await holdFolder(folder)
    )()
  })
})
