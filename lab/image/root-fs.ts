import { execFile } from 'node:child_process'
import { readdirSync, readlinkSync, statSync, lstatSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { promisify } from 'node:util'
import type { TarEntry } from './tar.ts'

const run = promisify(execFile)

/**
 * A root file system composed from files of the host: what an image holds, by path inside the image (without a
 * leading slash). Parent folders are made as needed.
 */
export class RootFs {
  readonly #entries = new Map<string, TarEntry>()

  folder(path: string, mode = 0o755): this {
    this.#parents(path)
    this.#entries.set(path, { path, kind: 'folder', mode })
    return this
  }

  text(path: string, content: string | Buffer, mode = 0o644): this {
    this.#parents(path)
    this.#entries.set(path, { path, kind: 'text', mode, content: Buffer.from(content) })
    return this
  }

  link(path: string, target: string): this {
    this.#parents(path)
    this.#entries.set(path, { path, kind: 'link', target })
    return this
  }

  /** One file of the host, symbolic links followed. */
  file(source: string, path = source.slice(1)): this {
    const stat = statSync(source)
    this.#parents(path)
    this.#entries.set(path, { path, kind: 'file', mode: stat.mode & 0o755, source, size: stat.size })
    return this
  }

  /** A folder of the host with everything below it that `keep` accepts (path relative to the folder). */
  tree(source: string, path = source.slice(1), keep: (relative: string) => boolean = () => true): this {
    for (const found of readdirSync(source, { recursive: true, withFileTypes: true })) {
      const from = join(found.parentPath, found.name)
      const relative = from.slice(source.length + 1)
      if (!keep(relative)) continue
      const to = posix.join(path, relative)
      const stat = lstatSync(from)
      if (stat.isSymbolicLink()) this.link(to, readlinkSync(from))
      else if (stat.isFile()) this.file(from, to)
    }
    return this
  }

  /** The shared libraries of the given programs, found by `ldd`, each at the path by which the loader asks. */
  async libraries(programs: readonly string[]): Promise<this> {
    const { stdout } = await run('ldd', [...programs], { maxBuffer: 16 * 1024 * 1024 })
    for (const line of stdout.split('\n')) {
      const path = /(?:=>\s+)?(\/[^\s:]+) \(0x/.exec(line)?.[1]
      if (path !== undefined) this.file(path)
    }
    return this
  }

  /** Everything, parents before children, in a stable order. */
  entries(): TarEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  #parents(path: string): void {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
      if (!this.#entries.has(parent)) {
        this.#entries.set(parent, { path: parent, kind: 'folder', mode: 0o755 })
      }
    }
  }
}

/** busybox as the shell and the small tools, and the account files: what both images stand on. */
export function baseRootFs(accounts: { name: string; uid: number; home: string }[]): RootFs {
  const root = new RootFs()
    .folder('tmp', 0o1777)
    .folder('proc')
    .folder('sys')
    .folder('dev')
    .folder('run', 0o1777)
    .file('/bin/busybox', 'bin/busybox')
  for (const tool of tools) root.link(`bin/${tool}`, 'busybox')
  const all = [{ name: 'root', uid: 0, home: '/' }, ...accounts]
  root.text('etc/passwd', all.map((a) => `${a.name}:x:${a.uid}:${a.uid}::${a.home}:/bin/sh\n`).join(''))
  root.text('etc/group', all.map((a) => `${a.name}:x:${a.uid}:\n`).join(''))
  return root.text('etc/nsswitch.conf', 'hosts: files dns\n')
}

const tools = [
  ...['sh', 'cat', 'chmod', 'cp', 'date', 'df', 'echo', 'env', 'false', 'grep', 'head', 'id', 'kill', 'ls'],
  ...['mkdir', 'mv', 'ps', 'rm', 'sed', 'sleep', 'sync', 'tail', 'test', 'touch', 'tr', 'true', 'wc'],
]
