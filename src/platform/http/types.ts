/** A fixed address, reached under another name: the name goes into SNI, the Host header and the certificate check. */
export interface HttpTarget {
  address: string
  port: number
  serverName: string
}

export interface HttpAnswer {
  status: number
  /** Parsed when the body is JSON, else its text (at most 64 KiB). */
  body: unknown
}

export interface HttpReader {
  /** Throws NoAnswer. Any status is an answer; redirects are not followed. */
  get(target: HttpTarget, path: string, signal: AbortSignal): Promise<HttpAnswer>
}

export interface HttpWriter {
  /** Sends a JSON body. Throws NoAnswer, after which it is not known whether it took effect. */
  send(
    target: HttpTarget,
    method: 'POST' | 'PUT',
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<HttpAnswer>
}

/** Web services beside the systems, by URL. Both throw NoAnswer, and HaetaeError `service-unknown`. */
export interface ServiceReader {
  /** Any status is an answer; redirects are not followed. */
  get(url: string, signal: AbortSignal): Promise<HttpAnswer>
}

export interface ServiceRequest {
  url: string
  method: string
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: unknown
}

export interface ServiceWriter {
  /** After NoAnswer it is not known whether it took effect. */
  send(request: ServiceRequest, signal: AbortSignal): Promise<HttpAnswer>
}
