import { z } from 'zod'
import { NoAnswer, within } from '../no-answer.ts'

/** One series of an instant vector. `value` may be NaN or infinite, as Prometheus has them. */
export interface Sample {
  labels: Readonly<Record<string, string>>
  value: number
}

export interface PrometheusClient {
  readonly url: string
  /** An instant vector. Throws NoAnswer when Prometheus does not answer, Error when it refuses the query. */
  vector(query: string, signal: AbortSignal): Promise<Sample[]>
}

const reply = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('vector'),
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
})

/** A client of Prometheus's HTTP API. `deadlineMs` is the longest wait for one answer. */
export function prometheusClient(options: { url: string; deadlineMs?: number }): PrometheusClient {
  const { url, deadlineMs = 1_000 } = options
  return {
    url,
    async vector(query, signal) {
      const body = new URLSearchParams({ query })
      const response = await send(`${url.replace(/\/$/, '')}/api/v1/query`, body, within(deadlineMs, signal))
      if (response.status >= 500)
        throw new NoAnswer(`Prometheus ${url}`, new Error(`it answered ${response.status}`))
      if (response.status !== 200) {
        throw new Error(`Prometheus refused the query (${response.status}): ${response.text.slice(0, 300)}`)
      }
      const { data } = reply.parse(JSON.parse(response.text))
      return data.result.map((series) => ({ labels: series.metric, value: numberOf(series.value[1]) }))
    },
  }
}

async function send(
  url: string,
  body: URLSearchParams,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, { method: 'POST', body, signal })
    return { status: response.status, text: await response.text() }
  } catch (error) {
    throw new NoAnswer(`Prometheus ${url}`, error)
  }
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity
  return text === '-Inf' ? -Infinity : Number(text)
}
