/** An address without its password; anything else that is secret becomes stars, a broken address too. */
export function hidden(value: unknown): unknown {
  return URL.canParse(String(value)) ? withoutPassword(value) : '***'
}

/** Passwords stand before the host or, as PostgreSQL's and Redis's clients also read them, in a parameter. */
export function withoutPassword(value: unknown): unknown {
  if (typeof value !== 'string' || !/^[a-z]+:\/\//i.test(value) || !URL.canParse(value)) return value
  const url = new URL(value)
  const secret = [...url.searchParams.keys()].filter((name) => /pass|secret|token|key/i.test(name))
  if (url.password === '' && secret.length === 0) return value
  if (url.password !== '') url.password = '***'
  for (const name of secret) url.searchParams.set(name, '***')
  return url.href
}
