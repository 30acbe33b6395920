const kstOffsetMs = 9 * 3_600_000

/** An instant as `2026-11-24 15:28:18`, Korean time; `-` for none. UTC is stored, KST is shown. */
export function dayAndTime(instant: string | null | undefined): string {
  const ms = instant ? Date.parse(instant) : Number.NaN
  return Number.isNaN(ms) ? '-' : new Date(ms + kstOffsetMs).toISOString().slice(0, 19).replace('T', ' ')
}

/** A text with the instants that a daemon wrote into it (`2026-11-24T06:28:18.123Z`) in Korean time. */
export function inKoreanTime(text: string): string {
  return text.replace(
    /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g,
    (instant) => `${dayAndTime(instant)} KST`,
  )
}

/** An instant as `15:28:18`, Korean time; `-` for none. */
export function timeOfDay(instant: string | null | undefined): string {
  return instant ? dayAndTime(instant).slice(11) || '-' : '-'
}

/** Milliseconds as people say them: `850ms`, `42s`, `4m 05s`, `2h 30m`, `3d`. */
export function span(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 1000) return `${Math.round(ms)}ms`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  const two = (n: number) => String(n).padStart(2, '0')
  if (seconds < 3600)
    return seconds % 60 === 0 ? `${seconds / 60}m` : `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 1440)
    return minutes % 60 === 0 ? `${minutes / 60}h` : `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`
  return `${Math.round(minutes / 1440)}d`
}

/** Bytes as people say them: `812 B`, `3.4 MiB`; `-` for none. */
export function size(bytes: number | null): string {
  if (bytes === null) return '-'
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}
