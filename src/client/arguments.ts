import type { RunbookInput } from '#api/schema/estate.ts'
import { HaetaeError } from '#model/errors.ts'

/** `--systems AID,gpk` as the body of a request has it; nothing when the flag was not given. */
export function systemsOf(flag: string | undefined): { systems?: string[] } {
  if (flag === undefined) return {}
  const systems = [
    ...new Set(
      flag
        .split(',')
        .map((id) => id.trim().toUpperCase())
        .filter(Boolean),
    ),
  ]
  if (systems.length > 0) return { systems }
  throw new HaetaeError('usage-wrong', '--systems', {
    why: 'it names no system',
    remedy: 'Give ids, such as AID,GPK.',
  })
}

/**
 * `--from` and `--to` as instants: RFC 3339, `2026-11-24`, or how long ago (`24h`).
 * Throws `usage-wrong`.
 */
export function momentOf(flag: string, text: string | undefined, now: number): string | undefined {
  if (text === undefined) return undefined
  const ago = /^(\d+)([smhd])$/.exec(text)
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  if (ago !== null) {
    return new Date(now - Number(ago[1]) * unitMs[ago[2] as keyof typeof unitMs]).toISOString()
  }
  // A bare day is meant in Korean time, as days are said here.
  const ms = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00+09:00` : text)
  if (!Number.isNaN(ms)) return new Date(ms).toISOString()
  throw new HaetaeError('usage-wrong', `--${flag} ${text}`, {
    why: 'it is no moment',
    remedy: 'Give 2026-11-24, 2026-11-24T09:00:00+09:00, or how long ago, such as 24h.',
  })
}

/** `--reason` with something in it: found before a plan is read and signed, not after. Throws `usage-wrong`. */
export function reasonOf(text: string | undefined): string {
  if (text !== undefined && text.trim() !== '') return text
  throw new HaetaeError('usage-wrong', '--reason', {
    why:
      text === undefined
        ? { en: 'it is missing', ko: '옵션이 없습니다' }
        : { en: 'it says nothing', ko: '내용이 없습니다' },
    remedy: {
      en: 'Say why with --reason TEXT; it stays on record.',
      ko: '--reason 으로 사유를 적으십시오. 기록에 남습니다.',
    },
  })
}

/**
 * `--input name=value` as the values that a runbook declares: numbers, `true` and `false`, lists by commas. A value
 * that is not of the type stays text, and the daemon refuses it as it does what the runbook does not have.
 * Throws `usage-wrong`.
 */
export function inputsOf(
  flags: readonly string[],
  declared: readonly RunbookInput[],
): Record<string, unknown> {
  const inputs: Record<string, unknown> = {}
  for (const flag of flags) {
    const at = flag.indexOf('=')
    const name = flag.slice(0, at)
    if (at < 1 || Object.hasOwn(inputs, name))
      throw new HaetaeError('usage-wrong', `--input ${flag}`, {
        why:
          at < 1
            ? { en: 'it is no name=value', ko: '이름=값 형식이 아닙니다' }
            : { en: `${name} is given twice`, ko: `${name}을(를) 두 번 주었습니다` },
        remedy: {
          en: 'Give each once, such as --input seconds=600.',
          ko: '--input seconds=600 처럼 하나씩 주십시오.',
        },
      })
    inputs[name] = valueOf(flag.slice(at + 1), declared.find((one) => one.name === name)?.type)
  }
  return inputs
}

function valueOf(text: string, type: RunbookInput['type'] | undefined): unknown {
  switch (type) {
    case 'int':
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
    case 'bool':
      return text === 'true' || (text === 'false' ? false : text)
    case 'list':
      return text === '' ? [] : text.split(',').map((item) => item.trim())
    case 'string':
    case undefined:
      return text
  }
}
