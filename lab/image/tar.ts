import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'

/** One member of a tar archive. Content comes from memory or from a file of the host. */
export type TarEntry =
  | { path: string; kind: 'folder'; mode: number }
  | { path: string; kind: 'link'; target: string }
  | { path: string; kind: 'text'; mode: number; content: Buffer }
  | { path: string; kind: 'file'; mode: number; source: string; size: number }

const block = 512

/** Bytes that a tar archive of the entries takes, its two closing blocks included. */
export function tarSize(entries: readonly TarEntry[]): number {
  return entries.reduce((sum, entry) => sum + block + padded(sizeOf(entry)), 2 * block)
}

/**
 * A ustar archive written front to back: times are 0 and owners are root, so that the same entries give the same
 * bytes. Paths of more than 100 bytes are split at a slash; Throws Error when that is impossible.
 */
export class TarWriter {
  readonly #fd: number
  #hash: Hash | undefined

  constructor(path: string) {
    this.#fd = openSync(path, 'w', 0o644)
  }

  add(entry: TarEntry): void {
    this.#write(header(entry, sizeOf(entry)))
    if (entry.kind === 'text') this.#write(entry.content)
    if (entry.kind === 'file') this.#copy(entry.source, entry.size)
    this.#write(Buffer.alloc(padded(sizeOf(entry)) - sizeOf(entry)))
  }

  /** Writes a whole archive as one member, and tells its SHA-256 in hex. */
  addArchive(path: string, entries: readonly TarEntry[]): string {
    const size = tarSize(entries)
    this.#write(header({ path, kind: 'file', mode: 0o644, source: '', size }, size))
    this.#hash = createHash('sha256')
    for (const entry of entries) this.add(entry)
    this.#write(Buffer.alloc(2 * block))
    const digest = this.#hash.digest('hex')
    this.#hash = undefined
    return digest
  }

  close(): void {
    this.#write(Buffer.alloc(2 * block))
    closeSync(this.#fd)
  }

  #write(bytes: Buffer): void {
    this.#hash?.update(bytes)
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
  }

  #copy(source: string, size: number): void {
    const fd = openSync(source, 'r')
    const buffer = Buffer.allocUnsafe(1024 * 1024)
    try {
      for (let left = size; left > 0;) {
        const read = readSync(fd, buffer, 0, Math.min(buffer.length, left), null)
        if (read === 0) throw new Error(`${source} became shorter while it was read`)
        this.#write(buffer.subarray(0, read))
        left -= read
      }
    } finally {
      closeSync(fd)
    }
  }
}

function padded(size: number): number {
  return Math.ceil(size / block) * block
}

function sizeOf(entry: TarEntry): number {
  if (entry.kind === 'text') return entry.content.length
  return entry.kind === 'file' ? entry.size : 0
}

function header(entry: TarEntry, size: number): Buffer {
  const bytes = Buffer.alloc(block)
  const { name, prefix } = splitPath(entry.kind === 'folder' ? `${entry.path}/` : entry.path)
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`
  bytes.write(name, 0)
  bytes.write(octal(entry.kind === 'link' ? 0o777 : entry.mode, 8), 100)
  bytes.write(octal(0, 8), 108)
  bytes.write(octal(0, 8), 116)
  bytes.write(octal(size, 12), 124)
  bytes.write(octal(0, 12), 136)
  bytes.write('        ', 148)
  bytes.write({ folder: '5', link: '2', text: '0', file: '0' }[entry.kind], 156)
  if (entry.kind === 'link') bytes.write(entry.target, 157)
  bytes.write('ustar\x0000', 257)
  bytes.write(prefix, 345)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return bytes
}

function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' }
  const cut = path.indexOf('/', path.length - 101)
  if (cut < 1 || cut > 155) throw new Error(`the path is too long for a tar archive: ${path}`)
  return { name: path.slice(cut + 1), prefix: path.slice(0, cut) }
}
