/** Where a PostgreSQL database answers. `serverName` is what its certificate must say; the host when absent. */
export interface DatabaseAddress {
  host: string
  port: number
  database: string
  serverName?: string
}

export type Row = Record<string, unknown>

/** Sends one statement and gives its rows. Values are bound, never pasted into the text. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<Row[]>

export interface DatabaseReader {
  /** Runs `work` on a connection of its own whose transactions are read-only. Throws NoAnswer, or what PostgreSQL said. */
  read<T>(address: DatabaseAddress, signal: AbortSignal, work: (query: Query) => Promise<T>): Promise<T>
}

export interface DatabaseWriter {
  /** Runs `work` on a connection of its own, no transaction around it. Throws NoAnswer, or what PostgreSQL said. */
  write<T>(address: DatabaseAddress, signal: AbortSignal, work: (query: Query) => Promise<T>): Promise<T>
}
