import type { AttestationOnRecord, Attestations, SourceSilence } from '#authority/types.ts'

/** The ports that other rooms give, as a test wants them to answer. */
export interface TestPorts {
  attestations: Attestations
  silence: SourceSilence
  /** What is on record; a test adds to it. */
  statements: AttestationOnRecord[]
  /** How many people policy asks for. */
  policy: { people: number }
  /** Whether the source answers now. */
  source: { answers: boolean }
}

export function testPorts(): TestPorts {
  const statements: AttestationOnRecord[] = []
  const source = { answers: false }
  const policy = { people: 2 }
  return {
    statements,
    source,
    policy,
    attestations: {
      forRun: () => Promise.resolve([...statements]),
      peopleFor: () => Promise.resolve(policy.people),
    },
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
