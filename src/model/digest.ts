import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'

/** Any value that JSON can carry. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/**
 * RFC 8785 canonical JSON of a value: the bytes that are hashed and signed.
 * Throws TypeError when the value has no JSON form (a function, a BigInt, NaN).
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('the value has no canonical JSON form')
  return text
}

/** `sha256:` and the lower-case hex SHA-256 of the canonical JSON of a value. */
export function digestOf(value: unknown): string {
  return `sha256:${createHash('sha256').update(canonicalJson(value)).digest('hex')}`
}
