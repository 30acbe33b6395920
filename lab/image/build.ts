import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { RootFs } from './root-fs.ts'
import { TarWriter, type TarEntry } from './tar.ts'

/** What an image is besides its files. */
export interface ImageSpec {
  /** Name without registry and tag, e.g. `haetae-lab/web`. */
  name: string
  root: RootFs
  entrypoint: string[]
  env: string[]
  user: string
}

/** An image on disk. `ref` is what a pod names; its tag is the hash of the content, so it never goes stale. */
export interface Image {
  ref: string
  /** A docker-archive that `ctr -n k8s.io images import` takes. */
  archive: string
  bytes: number
}

const kept = 3

/** Where built images are kept: `images` in the user's cache folder of Haetae. */
export function imageCacheFolder(): string {
  // An empty XDG_CACHE_HOME counts as none.
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'haetae', 'images')
}

/**
 * Writes the image into the cache folder unless the same content is there already; of the same name
 * the three newest stay. Files of the host count by path, size and time of change, everything else by its bytes.
 */
export function buildImage(spec: ImageSpec, folder = imageCacheFolder()): Image {
  const entries = spec.root.entries()
  const tag = contentHash(spec, entries)
  const ref = `docker.io/${spec.name}:${tag}`
  const stem = spec.name.replaceAll('/', '-')
  const archive = join(folder, `${stem}-${tag}.tar`)
  if (!existsSync(archive)) {
    mkdirSync(folder, { recursive: true })
    const unfinished = `${archive}.${process.pid}`
    try {
      writeArchive(unfinished, spec, ref, entries)
      renameSync(unfinished, archive)
      removeOld(folder, stem)
    } finally {
      rmSync(unfinished, { force: true })
    }
  }
  return { ref, archive, bytes: statSync(archive).size }
}

/** Not only the newest stays: a lab of another checkout may be importing its own. */
function removeOld(folder: string, stem: string): void {
  const archives = readdirSync(folder)
    .filter((name) => name.startsWith(`${stem}-`) && name.endsWith('.tar'))
    .map((name) => ({ path: join(folder, name), at: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at)
  for (const { path } of archives.slice(kept)) rmSync(path, { force: true })
}

function writeArchive(path: string, spec: ImageSpec, ref: string, entries: TarEntry[]): void {
  const tar = new TarWriter(path)
  const layer = tar.addArchive('layer.tar', entries)
  const config = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: spec.entrypoint, Env: spec.env, User: spec.user, WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
  })
  const name = `${createHash('sha256').update(config).digest('hex')}.json`
  const manifest = [{ Config: name, RepoTags: [ref], Layers: ['layer.tar'] }]
  tar.add({ path: name, kind: 'text', mode: 0o644, content: Buffer.from(config) })
  tar.add({
    path: 'manifest.json',
    kind: 'text',
    mode: 0o644,
    content: Buffer.from(JSON.stringify(manifest)),
  })
  tar.close()
}

function contentHash(spec: ImageSpec, entries: TarEntry[]): string {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([spec.name, spec.entrypoint, spec.env, spec.user]))
  for (const entry of entries) {
    if (entry.kind === 'file') {
      const stat = statSync(entry.source)
      hash.update(`${entry.path}\0${entry.source}\0${stat.size}\0${stat.mtimeMs}\0`)
    } else {
      hash.update(JSON.stringify({ ...entry, content: undefined }))
      if (entry.kind === 'text') hash.update(entry.content)
    }
  }
  return hash.digest('hex').slice(0, 16)
}
