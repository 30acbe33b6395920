import { createHash } from 'node:crypto'

/**
 * What an effect is called at its target: the same for every attempt of a node, another for every other node and run.
 * Such names are public in other people's records, so run and node do not stand in it. Lower case letters, digits and
 * hyphens, 31 characters.
 */
export function effectKey(key: string): string {
  return `haetae-${createHash('sha256').update(key).digest('hex').slice(0, 24)}`
}
