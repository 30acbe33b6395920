import { memoryJournal } from '#engine/journal/memory.ts'
import { journalConformance } from '../support/journal-conformance.ts'
import { VirtualClock } from './world/clock.ts'

let clock = new VirtualClock()

journalConformance(
  () => {
    clock = new VirtualClock()
    return memoryJournal(clock)
  },
  async (ms) => {
    void clock.sleep(ms)
    clock.advance()
  },
)
