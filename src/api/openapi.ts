import { z } from 'zod'
import { catalogue } from '#model/error-catalogue.ts'
import { contract, type RouteShape } from './contract.ts'
import { routeHead, routes, type RouteHead, type RouteName } from './routes.ts'
import { plan, planShape } from './schema/plan.ts'

type JsonObject = Record<string, unknown>

/** Errors that any route with a session can answer with. */
const always = ['input-invalid', 'defect'] as const
const withSession = ['session-missing', 'session-expired', 'role-missing'] as const

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const made = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: target }) => {
      if ((zodSchema as unknown) !== plan) return
      const shape: JsonObject = z.toJSONSchema(planShape)
      delete shape['$schema']
      Object.assign(target, shape)
    },
  }) as JsonObject
  delete made['$schema']
  return made
}

function parametersOf(shape: RouteShape): JsonObject[] {
  return (['params', 'query'] as const).flatMap((part) => {
    const schema = jsonSchema(shape[part], 'input')
    const properties = (schema['properties'] ?? {}) as JsonObject
    const required = (schema['required'] ?? []) as string[]
    return Object.entries(properties).map(([name, property]) => ({
      name,
      in: part === 'params' ? 'path' : 'query',
      required: part === 'params' || required.includes(name),
      schema: property,
    }))
  })
}

function repliesOf(head: RouteHead, shape: RouteShape): JsonObject {
  const type = { json: 'application/json', stream: 'text/event-stream', text: 'text/plain' }[
    head.reply ?? 'json'
  ]
  const replies: JsonObject = {
    '200': { description: head.summary, content: { [type]: { schema: jsonSchema(shape.reply, 'output') } } },
  }
  const person = head.access !== 'public' && head.access !== 'peer'
  const codes = [...new Set([...head.errors, ...always, ...(person ? withSession : [])])]
  for (const code of codes) {
    const status = String(catalogue[code].status)
    const before = (replies[status] as { description: string } | undefined)?.description
    replies[status] = {
      description: before === undefined ? code : `${before}, ${code}`,
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    }
  }
  return replies
}

function operationOf(name: RouteName): JsonObject {
  const head = routeHead(name)
  const shape: RouteShape = contract[name]
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    required: true,
    schema: { type: 'string', minLength: 8, maxLength: 200 },
  }
  const parameters = parametersOf(shape)
  if (head.method === 'POST' && head.withoutKey !== true) parameters.push(key)
  const body = jsonSchema(shape.body, 'input')
  const hasBody = body['type'] === 'object'
  return {
    operationId: name,
    summary: head.summary,
    ...(typeof head.access === 'string' ? {} : { 'x-roles': head.access }),
    security: head.access === 'public' ? [] : head.access === 'peer' ? [{ peer: [] }] : [{ session: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(hasBody
      ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } }
      : {}),
    responses: repliesOf(head, shape),
  }
}

const problem = {
  type: 'object',
  required: ['type', 'code', 'title', 'title_ko', 'what', 'status', 'remedy', 'facts'],
  properties: {
    type: { type: 'string' },
    code: { type: 'string', enum: Object.keys(catalogue) },
    title: { type: 'string' },
    title_ko: { type: 'string' },
    what: { type: 'string' },
    status: { type: 'integer' },
    where: { type: 'string' },
    why: { type: 'string' },
    why_ko: { type: 'string' },
    remedy: { type: 'string' },
    remedy_ko: { type: 'string' },
    facts: { type: 'object' },
  },
}

/** The contract as OpenAPI 3.1. */
export function openapi(version: string): JsonObject {
  const paths: Record<string, JsonObject> = {}
  for (const name of Object.keys(routes) as RouteName[]) {
    const head = routeHead(name)
    const path = head.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [head.method.toLowerCase()]: operationOf(name) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Haetae', version, description: 'The API of one site’s daemon.' },
    paths,
    components: {
      schemas: { Problem: problem },
      securitySchemes: {
        session: {
          type: 'http',
          scheme: 'bearer',
          description: 'POST /sessions with a challenge signed by SSH',
        },
        peer: { type: 'mutualTLS', description: 'client certificate with the CN haetae-SITE' },
      },
    },
  }
}
