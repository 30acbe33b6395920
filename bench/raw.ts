import type { Pool } from 'pg'

const insert = {
  name: 'bench',
  text: 'INSERT INTO bench_commits (run, node, at) VALUES ($1, $2, clock_timestamp())',
  values: ['run', 'node'],
}

/**
 * The baseline: so many commits, each one prepared INSERT in a transaction of its own (one round trip), over so
 * many connections at once. Returns the milliseconds of the whole and of each commit.
 */
export async function rawCommits(
  pool: Pool,
  count: number,
  connections: number,
): Promise<{ ms: number; each: number[] }> {
  const clients = await Promise.all(Array.from({ length: connections }, () => pool.connect()))
  try {
    const each: number[] = []
    let left = count
    const began = performance.now()
    const work = async (client: (typeof clients)[number]) => {
      while (left > 0) {
        left -= 1
        const sent = performance.now()
        await client.query(insert)
        each.push(performance.now() - sent)
      }
    }
    await Promise.all(clients.map(work))
    return { ms: performance.now() - began, each }
  } finally {
    for (const client of clients) client.release()
  }
}
