import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { hold, holderOf } from './hold.ts'

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
