import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { HaetaeError, isHaetaeError, messageOf } from '#model/errors.ts'
import { isServerGone } from '#platform/postgres/gone.ts'

/** Anything thrown, as an error of the catalogue. What is not one is a defect: its text stays in the log. */
export function toHaetaeError(error: unknown, requestId: string): HaetaeError {
  if (isHaetaeError(error)) return error
  const status = (error as Partial<FastifyError>).statusCode
  if (status !== undefined && status >= 400 && status < 500) {
    return new HaetaeError('input-invalid', 'the request', {
      where: 'body',
      why: messageOf(error),
      cause: error,
    })
  }
  // What the API reads and writes by itself is Haetae's own PostgreSQL; other targets' silence has errors of its own.
  if (isServerGone(error)) {
    return new HaetaeError('postgres-unavailable', `request ${requestId}`, {
      why: messageOf(error),
      cause: error,
    })
  }
  return new HaetaeError('defect', `request ${requestId}`, { cause: error, facts: { requestId } })
}

/** Answers with problem+json, and logs what is Haetae's own fault. */
export async function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const known = toHaetaeError(error, request.id)
  if (known.code === 'defect') request.log.error({ err: error, requestId: request.id }, 'request failed')
  else request.log.info({ code: known.code, why: known.why, requestId: request.id }, 'request refused')
  // As bytes: to a text fastify would add a charset, which the media type does not have.
  const body = Buffer.from(JSON.stringify(known.toProblem()))
  return reply.status(known.status).type('application/problem+json').send(body)
}
