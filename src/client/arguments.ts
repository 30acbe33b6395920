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
