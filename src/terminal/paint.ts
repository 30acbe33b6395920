import { styleText } from 'node:util'

export type Paint = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

/** Whether colours are wanted: a terminal, and nobody said NO_COLOR. FORCE_COLOR says yes without a terminal. */
export function coloursWanted(): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force } = process.env
  if (no !== undefined && no !== '') return false
  if (force !== undefined && force !== '0') return true
  return process.stdout.isTTY === true && process.env['TERM'] !== 'dumb'
}

/** The text in a colour, or as it is where colours are not wanted. */
export function paint(how: Paint, text: string): string {
  return coloursWanted() ? styleText(how, text, { validateStream: false }) : text
}

/** Colour of a state's word, the same everywhere. */
export function paintOfState(state: string): Paint | undefined {
  switch (state) {
    case 'up':
    case 'succeeded':
    case 'adopted':
    case 'passed':
    case 'full':
      return 'green'
    case 'down':
    case 'failed':
    case 'lost':
    case 'refused':
    case 'missed':
    case 'not-recoverable':
      return 'red'
    case 'unknown':
    case 'degraded':
    case 'suspected-lost':
    case 'isolated':
    case 'needs-person':
    case 'paused':
    case 'partial':
    case 'limited':
      return 'yellow'
    case 'running':
      return 'cyan'
    case 'waiting':
    case 'canceled':
    case 'rolled-back':
    case 'skipped':
      return 'dim'
    default:
      return undefined
  }
}
