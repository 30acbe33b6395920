import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildImage, type ImageSpec } from './build.ts'
import { RootFs } from './root-fs.ts'

const run = promisify(execFile)

describe('an image composed from files', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'image-'))
    await writeFile(join(folder, 'program'), '#!/bin/sh\n', { mode: 0o755 })
  })
  afterEach(() => rm(folder, { recursive: true }))

  const longPath = `app/node_modules/${'deep/'.repeat(20)}index.js`
  const spec = (text: string): ImageSpec => ({
    name: 'test/one',
    root: new RootFs()
      .file(join(folder, 'program'), 'bin/program')
      .text('etc/greeting', text)
      .text(longPath, 'long')
      .link('bin/alias', 'program'),
    ...{ entrypoint: ['/bin/program'], env: ['A=1'], user: '1000' },
  })
  const cache = () => join(folder, 'cache')
  const tar = async (...args: string[]) => (await run('tar', args)).stdout

  it('is an archive whose layer GNU tar reads back, with modes, links and long paths', async () => {
    const { archive } = buildImage(spec('hello'), cache())
    await tar('-xf', archive, '-C', folder)
    const listed = await tar('-tvf', join(folder, 'layer.tar'))
    expect(listed).toMatch(/^-rwxr-xr-x 0\/0 .* bin\/program$/m)
    expect(listed).toMatch(/bin\/alias -> program$/m)
    expect(listed).toContain(longPath)
    expect(await tar('-xOf', join(folder, 'layer.tar'), 'etc/greeting')).toBe('hello')
  })

  it('names its layer by the digest of what is in it', async () => {
    const { archive, ref } = buildImage(spec('hello'), cache())
    await tar('-xf', archive, '-C', folder)
    const [manifest] = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
      Config: string
      RepoTags: string[]
    }[]
    expect(manifest?.RepoTags).toEqual([ref])
    const config = JSON.parse(await readFile(join(folder, manifest?.Config ?? ''), 'utf8')) as {
      rootfs: { diff_ids: string[] }
    }
    const layer = createHash('sha256').update(await readFile(join(folder, 'layer.tar')))
    expect(config.rootfs.diff_ids).toEqual([`sha256:${layer.digest('hex')}`])
  })

  it('is built once for the same content, and anew when a byte or a file of the host changes', async () => {
    const first = buildImage(spec('hello'), cache())
    expect(buildImage(spec('hello'), cache())).toEqual(first)
    expect(buildImage(spec('other'), cache()).ref).not.toBe(first.ref)
    await writeFile(join(folder, 'program'), '#!/bin/sh\n: changed\n')
    expect(buildImage(spec('hello'), cache()).ref).not.toBe(first.ref)
    expect((await readdir(cache())).filter((name) => !name.endsWith('.tar'))).toEqual([])
  })

  it('stays with the two before it, and older ones go', async () => {
    for (const text of ['1', '2', '3', '4']) buildImage(spec(text), cache())
    expect(await readdir(cache())).toHaveLength(3)
  })

  it('leaves no unfinished archive behind when a file vanishes', async () => {
    const vanishing = spec('hello')
    await rm(join(folder, 'program'))
    expect(() => buildImage(vanishing, cache())).toThrow('ENOENT')
    expect(await readdir(cache()).catch(() => [])).toEqual([])
  })
})
