import type { AttestationOnRecord, Attestations, SourceSilence } from '#authority/types.ts'

/** The ports that other rooms give, as a test wants them to answer. */
export interface TestPorts {
  attestations: Attestations
  silence: SourceSilence
  /** What is on record; a test adds to it. */
  statements: AttestationOnRecord[]
  /** Whether the source answers now. */
  source: { answers: boolean }
}

export function testPorts(): TestPorts {
  const statements: AttestationOnRecord[] = []
  const source = { answers: false }
  return {
    statements,
    source,
    attestations: { forRun: () => Promise.resolve([...statements]) },
    silence: {
      look: () =>
        Promise.resolve({
          silent: !source.answers,
          at: new Date().toISOString(),
          vantages: [
            {
              vantage: 'peer',
              answered: source.answers,
              why: source.answers ? 'it answered 200' : 'no answer in 2 s',
            },
          ],
        }),
    },
  }
}
